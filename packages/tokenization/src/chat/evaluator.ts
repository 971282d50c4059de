import { getAttribute, getItem, slice } from "./access.ts";
import type { Arguments, Expression } from "./ast.ts";
import type { Budget } from "./budget.ts";
import { runFilter } from "./filters.ts";
import { arithmetic, compare, negated } from "./operators.ts";
import { str } from "./python-text.ts";
import type { Scope } from "./scope.ts";
import { TemplateFault } from "./template-error.ts";
import { runTest } from "./tests.ts";
import {
  type CallArguments,
  Callable,
  Dict,
  isTrue,
  numberOf,
  orElse,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** Gives expressions their values. */
export class Evaluator {
  /** Of the expression that was looked at last: the place of an error. */
  line = 1;
  readonly budget: Budget;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  /** @param block - what a filter without an operand works on: the body of its block */
  evaluate(expression: Expression, scope: Scope, block?: string): Value {
    const { budget } = this;
    budget.step();
    this.line = expression.line;
    switch (expression.type) {
      case "constant":
        return expression.value;
      case "name":
        return orElse(scope.get(expression.name), () => new Undefined(expression.name));
      case "list":
        return expression.items.map((item) => this.evaluate(item, scope));
      case "tuple":
        return new Tuple(expression.items.map((item) => this.evaluate(item, scope)));
      case "concat":
        return this.#concat(expression.items.map((item) => str(this.evaluate(item, scope), budget)));
      case "dict": {
        const dict = new Dict();
        for (const [key, value] of expression.entries) dict.set(this.evaluate(key, scope), this.evaluate(value, scope));
        return dict;
      }
      case "unary":
        return this.#unary(expression.operator, this.evaluate(expression.operand, scope));
      case "binary": {
        const left = this.evaluate(expression.left, scope);
        if (expression.operator === "and") return isTrue(left) ? this.evaluate(expression.right, scope) : left;
        if (expression.operator === "or") return isTrue(left) ? left : this.evaluate(expression.right, scope);
        return arithmetic(expression.operator, left, this.evaluate(expression.right, scope), budget);
      }
      case "compare": {
        let left = this.evaluate(expression.first, scope);
        for (const [operator, operand] of expression.rest) {
          const right = this.evaluate(operand, scope);
          if (!compare(operator, left, right, budget)) return false;
          left = right;
        }
        return true;
      }
      case "condition":
        if (isTrue(this.evaluate(expression.test, scope))) return this.evaluate(expression.chosen, scope);
        if (expression.otherwise === undefined) return new Undefined("an if without else");
        return this.evaluate(expression.otherwise, scope);
      case "attribute":
        return getAttribute(this.evaluate(expression.object, scope), expression.name, budget);
      case "item":
        return getItem(this.evaluate(expression.object, scope), this.evaluate(expression.index, scope), budget);
      case "slice":
        return slice(
          this.evaluate(expression.object, scope),
          expression.bounds.map((bound) => bound && this.evaluate(bound, scope)),
          budget,
        );
      case "call":
        return this.call(this.evaluate(expression.callee, scope), this.arguments(expression.args, scope));
      case "filter": {
        const operand =
          expression.operand === undefined ? (block ?? "") : this.evaluate(expression.operand, scope, block);
        return runFilter(expression.name, operand, this.arguments(expression.args, scope), budget);
      }
      case "test": {
        const operand = this.evaluate(expression.operand, scope);
        const result = runTest(expression.name, operand, this.arguments(expression.args, scope), budget);
        return result !== expression.negated;
      }
    }
  }

  call(callee: Value, args: CallArguments): Value {
    if (callee instanceof Callable) return callee.call(args);
    throw new TemplateFault(
      callee instanceof Undefined
        ? `${callee.what} is undefined`
        : `expected a function to call, got ${typeName(callee)}`,
    );
  }

  arguments({ positional, named }: Arguments, scope: Scope): CallArguments {
    return {
      positional: positional.map((value) => this.evaluate(value, scope)),
      named: new Map(named.map(([name, value]) => [name, this.evaluate(value, scope)])),
    };
  }

  #concat(texts: readonly string[]): string {
    this.budget.text(texts.reduce((sum, text) => sum + text.length, 0));
    return texts.join("");
  }

  #unary(operator: "-" | "+" | "not", value: Value): Value {
    if (operator === "not") return !isTrue(value);
    if (operator === "-") return negated(value);
    if (numberOf(value) === undefined) throw new TemplateFault(`+: expected a number, got ${typeName(value)}`);
    return value;
  }
}
