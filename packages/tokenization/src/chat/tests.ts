/** The tests of `x is y`. */
import { BoundArguments } from "./arguments.ts";
import type { Budget } from "./budget.ts";
import { compare } from "./operators.ts";
import { str } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import {
  type CallArguments,
  Callable,
  Dict,
  Float,
  isInteger,
  itemsOf,
  numberOf,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

type Test = (value: Value, other: Value, budget: Budget) => boolean;

const WITHOUT_ARGUMENT: Readonly<Record<string, (value: Value, budget: Budget) => boolean>> = {
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  true: (value) => value === true,
  false: (value) => value === false,
  string: (value) => typeof value === "string",
  number: (value) => numberOf(value) !== undefined,
  integer: (value) => typeof value === "number" && isInteger(value),
  float: (value) => value instanceof Float || (typeof value === "number" && !isInteger(value)),
  mapping: (value) => value instanceof Dict,
  iterable: isIterable,
  sequence: isIterable,
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  odd: (value) => integer(value) % 2 !== 0,
  even: (value) => integer(value) % 2 === 0,
  lower: (value, budget) => isCase(str(value, budget), (text) => text.toLowerCase()),
  upper: (value, budget) => isCase(str(value, budget), (text) => text.toUpperCase()),
};

const equal: Test = (value, other, budget) => compare("==", value, other, budget);
const unequal: Test = (value, other, budget) => compare("!=", value, other, budget);
const less: Test = (value, other, budget) => compare("<", value, other, budget);
const lessOrEqual: Test = (value, other, budget) => compare("<=", value, other, budget);
const greater: Test = (value, other, budget) => compare(">", value, other, budget);
const greaterOrEqual: Test = (value, other, budget) => compare(">=", value, other, budget);

const WITH_ARGUMENT: Readonly<Record<string, Test>> = {
  eq: equal,
  equalto: equal,
  "==": equal,
  ne: unequal,
  "!=": unequal,
  lt: less,
  lessthan: less,
  "<": less,
  le: lessOrEqual,
  "<=": lessOrEqual,
  gt: greater,
  greaterthan: greater,
  ">": greater,
  ge: greaterOrEqual,
  ">=": greaterOrEqual,
  in: (value, other, budget) => compare("in", value, other, budget),
  sameas: (value, other) => value === other,
  divisibleby: (value, other) => integer(value) % integer(other) === 0,
};

/** @throws {TemplateFault} for a test that there is not */
export function runTest(name: string, value: Value, args: CallArguments, budget: Budget): boolean {
  budget.step();
  if (typeof value === "string") budget.touch(value.length);
  if (Object.hasOwn(WITHOUT_ARGUMENT, name)) {
    new BoundArguments(`is ${name}`, args, []);
    return WITHOUT_ARGUMENT[name]!(value, budget);
  }
  if (Object.hasOwn(WITH_ARGUMENT, name)) {
    return WITH_ARGUMENT[name]!(value, new BoundArguments(`is ${name}`, args, ["other"]).required("other"), budget);
  }
  throw new TemplateFault(`expected a test that is known, got ${name}`, "TOKENIZER_CHAT_TEMPLATE_INVALID");
}

/** A string, a list, a dict, and what is not there: it has a length of zero. */
function isIterable(value: Value): boolean {
  return (
    typeof value === "string" || itemsOf(value) !== undefined || value instanceof Dict || value instanceof Undefined
  );
}

function integer(value: Value): number {
  const number = numberOf(value);
  if (number === undefined) throw new TemplateFault(`expected a number, got ${typeName(value)}`);
  return number;
}

/** Letters all of one case, and at least one of them. */
function isCase(text: string, convert: (text: string) => string): boolean {
  return convert(text) === text && text.toLowerCase() !== text.toUpperCase();
}
