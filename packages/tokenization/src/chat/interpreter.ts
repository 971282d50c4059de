import type { Expression, Signature, Statement, Target } from "./ast.ts";
import type { Budget } from "./budget.ts";
import { Evaluator } from "./evaluator.ts";
import { refuseUnderscore } from "./globals.ts";
import { Loop } from "./loop.ts";
import { Output } from "./output.ts";
import { str } from "./python-text.ts";
import { Scope } from "./scope.ts";
import { TemplateFault } from "./template-error.ts";
import {
  type CallArguments,
  Callable,
  isTrue,
  itemsOf,
  iterate,
  Namespace,
  orElse,
  Undefined,
  type Value,
} from "./values.ts";

const MAX_CALLS = 50; // macros inside one another

/** How the statements after one go on. */
type Flow = "break" | "continue" | undefined;

/** Runs the statements of a template. */
export class Interpreter {
  readonly evaluator: Evaluator;
  /** Where `{% generation %}` blocks stand in the result, in UTF-16 units: [start, end). */
  readonly generated: [number, number][] = [];
  readonly #budget: Budget;
  #calls = 0;
  #main: Output | undefined;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.evaluator = new Evaluator(budget);
  }

  render(body: readonly Statement[], scope: Scope): string {
    const out = new Output(this.#budget);
    this.#main = out;
    if (this.#run(body, scope, out) !== undefined) {
      throw new TemplateFault("expected break and continue inside a loop", "TOKENIZER_CHAT_TEMPLATE_INVALID");
    }
    return out.text();
  }

  #run(body: readonly Statement[], scope: Scope, out: Output): Flow {
    for (const statement of body) {
      const flow = this.#statement(statement, scope, out);
      if (flow !== undefined) return flow;
    }
    return undefined;
  }

  #statement(statement: Statement, scope: Scope, out: Output): Flow {
    this.#budget.step();
    this.evaluator.line = statement.line;
    switch (statement.type) {
      case "data":
        out.write(statement.text);
        return undefined;
      case "output":
        out.write(str(this.#evaluate(statement.value, scope), this.#budget));
        return undefined;
      case "if":
        for (const [test, body] of statement.branches) {
          if (isTrue(this.#evaluate(test, scope))) return this.#run(body, scope, out);
        }
        return this.#run(statement.otherwise, scope, out);
      case "for":
        return this.#for(statement, scope, out);
      case "set":
        this.#assign(statement.target, this.#evaluate(statement.value, scope), scope);
        return undefined;
      case "setBlock": {
        const text = this.#captured(statement.body, scope);
        this.#assign(statement.target, this.#filtered(statement.filter, text, scope), scope);
        return undefined;
      }
      case "filterBlock":
        out.write(str(this.#filtered(statement.filter, this.#captured(statement.body, scope), scope), this.#budget));
        return undefined;
      case "with": {
        const inner = new Scope(scope);
        for (const [target, value] of statement.values) this.#assign(target, this.#evaluate(value, scope), inner);
        return this.#run(statement.body, inner, out);
      }
      case "macro":
        scope.set(statement.macro.name, this.#macro(statement.macro, scope));
        return undefined;
      case "callBlock": {
        const { call } = statement;
        if (call.type !== "call") return undefined;
        const caller = this.#macro(statement.caller, scope);
        const args = this.evaluator.arguments(call.args, scope);
        const named = new Map([...args.named, ["caller", caller] as const]);
        const result = this.evaluator.call(this.#evaluate(call.callee, scope), { positional: args.positional, named });
        out.write(str(result, this.#budget));
        return undefined;
      }
      case "generation": {
        const text = this.#captured(statement.body, scope);
        if (out === this.#main) this.generated.push([out.length, out.length + text.length]);
        out.write(text);
        return undefined;
      }
      default:
        return statement.type;
    }
  }

  #for(statement: Extract<Statement, { type: "for" }>, scope: Scope, out: Output): Flow {
    const all = iterate(this.#evaluate(statement.iterable, scope), this.#budget);
    const { condition } = statement;
    const items =
      condition === undefined
        ? all
        : all.filter((item) => {
            const inner = new Scope(scope);
            this.#assign(statement.target, item, inner);
            return isTrue(this.#evaluate(condition, inner));
          });
    if (items.length === 0) return this.#run(statement.otherwise, new Scope(scope), out);
    const loop = new Loop(items, this.#budget);
    for (const [index, item] of items.entries()) {
      this.#budget.step();
      loop.at(index);
      const inner = new Scope(scope, new Map([["loop", loop.variable]]));
      this.#assign(statement.target, item, inner);
      if (this.#run(statement.body, inner, out) === "break") break;
    }
    return undefined;
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.type === "name") {
      scope.set(target.name, value);
    } else if (target.type === "attribute") {
      const object = scope.get(target.object);
      if (!(object instanceof Namespace) || object.isLoop) {
        throw new TemplateFault(`expected a namespace to set an attribute of, got ${target.object}`);
      }
      refuseUnderscore(target.name);
      object.attributes.set(target.name, value);
    } else {
      const items = itemsOf(value) ?? iterate(value, this.#budget);
      if (items.length !== target.items.length) {
        throw new TemplateFault(`expected ${target.items.length} values to unpack, got ${items.length}`);
      }
      target.items.forEach((inner, index) => {
        this.#assign(inner, items[index]!, scope);
      });
    }
  }

  #macro({ name, parameters, body }: Signature, scope: Scope): Callable {
    return new Callable(name, (args) => {
      if (++this.#calls > MAX_CALLS) {
        throw new TemplateFault(
          `expected at most ${MAX_CALLS} macros inside one another`,
          "TOKENIZER_CHAT_TEMPLATE_LIMIT",
        );
      }
      const inner = new Scope(scope);
      this.#bind(name, parameters, args, inner);
      const text = this.#captured(body, inner);
      this.#calls--;
      return text;
    });
  }

  #bind(name: string, parameters: Signature["parameters"], { positional, named }: CallArguments, scope: Scope): void {
    const rest = new Map(named);
    const caller = rest.get("caller");
    rest.delete("caller");
    scope.set(
      "caller",
      orElse(caller, () => new Undefined("caller")),
    );
    if (positional.length > parameters.length) {
      throw new TemplateFault(`${name}(): expected at most ${parameters.length} arguments, got ${positional.length}`);
    }
    parameters.forEach((parameter, index) => {
      const given = positional[index] === undefined ? rest.get(parameter.name) : positional[index];
      if (positional[index] !== undefined && rest.has(parameter.name)) {
        throw new TemplateFault(`${name}(): expected ${parameter.name} once`);
      }
      rest.delete(parameter.name);
      const { missing } = parameter;
      const otherwise = (): Value =>
        missing === undefined ? new Undefined(parameter.name) : this.#evaluate(missing, scope);
      scope.set(parameter.name, orElse(given, otherwise));
    });
    const [unknown] = rest.keys();
    if (unknown !== undefined) throw new TemplateFault(`${name}(): expected no argument ${unknown}`);
  }

  #captured(body: readonly Statement[], scope: Scope): string {
    const out = new Output(this.#budget);
    this.#run(body, new Scope(scope), out);
    return out.text();
  }

  #filtered(filter: Expression | undefined, text: string, scope: Scope): Value {
    return filter === undefined ? text : this.evaluator.evaluate(filter, scope, text);
  }

  #evaluate(expression: Expression, scope: Scope): Value {
    return this.evaluator.evaluate(expression, scope);
  }
}
