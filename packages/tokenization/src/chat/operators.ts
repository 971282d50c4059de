/** Operators between values, with Python's meaning. */
import type { BinaryOperator, CompareOperator } from "./ast.ts";
import type { Budget } from "./budget.ts";
import { str } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import { Dict, Float, float, isInteger, itemsOf, numberOf, Tuple, typeName, Undefined, type Value } from "./values.ts";

type Arithmetic = Exclude<BinaryOperator, "and" | "or">;

export function arithmetic(operator: Arithmetic, left: Value, right: Value, budget: Budget): Value {
  refuseUndefined(left);
  refuseUndefined(right);
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) {
    return onNumbers(operator, a, b, isInteger(left) && isInteger(right));
  }
  if (operator === "+") {
    if (typeof left === "string" && typeof right === "string") {
      budget.text(left.length + right.length);
      return left + right;
    }
    const [first, second] = [itemsOf(left), itemsOf(right)];
    if (first !== undefined && second !== undefined && Array.isArray(left) === Array.isArray(right)) {
      budget.touch(first.length + second.length);
      const items = [...first, ...second];
      return left instanceof Tuple ? new Tuple(items) : items;
    }
  }
  if (operator === "*") {
    if (b !== undefined && isInteger(right)) return repeated(left, b, budget);
    if (a !== undefined && isInteger(left)) return repeated(right, a, budget);
  }
  if (operator === "%" && typeof left === "string") return formatted(left, itemsOf(right) ?? [right], budget);
  throw new TemplateFault(
    `${operator}: expected values that go together, got ${typeName(left)} and ${typeName(right)}`,
  );
}

function onNumbers(operator: Arithmetic, a: number, b: number, integers: boolean): Value {
  if (b === 0 && (operator === "/" || operator === "//" || operator === "%"))
    throw new TemplateFault("division by zero");
  const result = {
    "+": a + b,
    "-": a - b,
    "*": a * b,
    "/": a / b,
    "//": Math.floor(a / b),
    "%": a - b * Math.floor(a / b),
    "**": a ** b,
  }[operator];
  const isFloat = !integers || operator === "/" || (operator === "**" && b < 0);
  if (isFloat) return float(result);
  if (!Number.isSafeInteger(result)) throw new TemplateFault(`${operator}: expected integers below 2^53`);
  return result;
}

function repeated(value: Value, times: number, budget: Budget): Value {
  const count = Math.max(0, times);
  if (typeof value === "string") {
    budget.text(value.length * count);
    return value.repeat(count);
  }
  const items = itemsOf(value);
  if (items === undefined) throw new TemplateFault(`*: expected a number, a string or a list, got ${typeName(value)}`);
  budget.text(items.length * count);
  const result = Array.from({ length: items.length * count }, (_, index) => items[index % items.length]!);
  return value instanceof Tuple ? new Tuple(result) : result;
}

/** `"%s of %d" % (a, b)`: `%s`, `%d` and `%%` without widths. */
export function formatted(format: string, values: readonly Value[], budget: Budget): string {
  let next = 0;
  const text = format.replace(/%(.?)/gs, (_, kind: string) => {
    if (kind === "%") return "%";
    const value = values[next++];
    if (value === undefined) throw new TemplateFault("%: expected a value for each %s and %d");
    if (kind === "s") return str(value, budget);
    const number = kind === "d" ? numberOf(value) : undefined;
    if (number === undefined) throw new TemplateFault(`%: expected %s, or %d and a number, got %${kind}`);
    return String(Math.trunc(number));
  });
  if (next < values.length) throw new TemplateFault("%: expected as many values as %s and %d");
  budget.text(text.length);
  return text;
}

export function compare(operator: CompareOperator, left: Value, right: Value, budget: Budget): boolean {
  budget.step();
  switch (operator) {
    case "==":
      return isEqual(left, right, budget);
    case "!=":
      return !isEqual(left, right, budget);
    case "in":
      return contains(right, left, budget);
    case "not in":
      return !contains(right, left, budget);
    default: {
      const order = orderOf(left, right, budget);
      return operator === "<" ? order < 0 : operator === "<=" ? order <= 0 : operator === ">" ? order > 0 : order >= 0;
    }
  }
}

export function isEqual(left: Value, right: Value, budget: Budget, depth = 0): boolean {
  budget.depth(depth);
  budget.step();
  if (typeof left === "string" && typeof right === "string") budget.touch(Math.min(left.length, right.length));
  if (left === right) return true;
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined || b !== undefined) return a === b;
  if (left instanceof Undefined && right instanceof Undefined) return true;
  const [first, second] = [itemsOf(left), itemsOf(right)];
  if (first !== undefined && second !== undefined) {
    return (
      Array.isArray(left) === Array.isArray(right) &&
      first.length === second.length &&
      first.every((item, index) => isEqual(item, second[index]!, budget, depth + 1))
    );
  }
  if (!(left instanceof Dict && right instanceof Dict) || left.entries.size !== right.entries.size) return false;
  for (const [key, value] of left.entries.values()) {
    const other = right.get(key);
    if (other === undefined || !isEqual(value, other, budget, depth + 1)) return false;
  }
  return true;
}

function contains(container: Value, value: Value, budget: Budget): boolean {
  if (container instanceof Undefined) return false;
  if (container instanceof Dict) return container.has(value);
  if (typeof container === "string") {
    if (typeof value !== "string") throw new TemplateFault(`in: expected a string left of it, got ${typeName(value)}`);
    budget.touch(container.length);
    return container.includes(value);
  }
  const items = itemsOf(container);
  if (items === undefined)
    throw new TemplateFault(`in: expected a string, a list or a dict, got ${typeName(container)}`);
  return items.some((item) => isEqual(item, value, budget));
}

/** Negative, zero or positive. */
export function orderOf(left: Value, right: Value, budget: Budget, depth = 0): number {
  budget.depth(depth);
  budget.step();
  refuseUndefined(left);
  refuseUndefined(right);
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) return a - b;
  if (typeof left === "string" && typeof right === "string") {
    budget.touch(Math.min(left.length, right.length));
    return compareCodePoints(left, right);
  }
  const [first, second] = [itemsOf(left), itemsOf(right)];
  if (first === undefined || second === undefined || Array.isArray(left) !== Array.isArray(right)) {
    throw new TemplateFault(`expected values that have an order, got ${typeName(left)} and ${typeName(right)}`);
  }
  for (let i = 0; i < Math.min(first.length, second.length); i++) {
    if (!isEqual(first[i]!, second[i]!, budget, depth + 1)) return orderOf(first[i]!, second[i]!, budget, depth + 1);
  }
  return first.length - second.length;
}

/** UTF-16 sorts U+E000 to U+FFFF after what is beyond them. */
function compareCodePoints(left: string, right: string): number {
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left.codePointAt(i)! - right.codePointAt(i)!;
  }
  return left.length - right.length;
}

export function negated(value: Value): Value {
  const number = numberOf(value);
  if (number === undefined) throw new TemplateFault(`-: expected a number, got ${typeName(value)}`);
  return value instanceof Float ? float(-number) : 0 - number;
}

export function refuseUndefined(value: Value): void {
  if (value instanceof Undefined) throw new TemplateFault(`${value.what} is undefined`);
}
