/** Expressions, with the precedence of Jinja 3 (its `parser.py`). */
import type { Arguments, BinaryOperator, CompareOperator, Expression } from "./ast.ts";
import type { TokenStream } from "./token-stream.ts";
import { float } from "./values.ts";

const COMPARISONS: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);

export function parseExpression(stream: TokenStream): Expression {
  return stream.nested(() => parseCondition(stream));
}

function parseCondition(stream: TokenStream): Expression {
  let expression = parseOr(stream);
  while (stream.isName("if")) {
    const { line } = stream.next();
    const test = parseOr(stream);
    const otherwise = stream.skip("name", "else") ? { otherwise: parseExpression(stream) } : {};
    expression = { type: "condition", test, chosen: expression, ...otherwise, line };
  }
  return expression;
}

/** @param withCondition - false where an `if` after it belongs to the loop */
export function parseTuple(stream: TokenStream, { withCondition = true } = {}): Expression {
  const { line } = stream.current;
  const one = withCondition ? parseExpression : (inner: TokenStream) => inner.nested(() => parseOr(inner));
  const first = one(stream);
  if (!stream.is("op", ",")) return first;
  const items = [first];
  while (stream.skip("op", ",")) {
    if (stream.is("close") || stream.is("end") || stream.isOperator(")")) break;
    items.push(one(stream));
  }
  return { type: "tuple", items, line };
}

function binary(operators: readonly BinaryOperator[], operand: (stream: TokenStream) => Expression) {
  return (stream: TokenStream): Expression => {
    let left = operand(stream);
    for (;;) {
      const { value, line } = stream.current;
      const operator = operators.find((one) => stream.is("op", one) || stream.is("name", one));
      if (operator === undefined || operator !== value) return left;
      stream.next();
      left = { type: "binary", operator, left, right: operand(stream), line };
    }
  };
}

const parsePower = binary(["**"], (stream) => parseUnary(stream));
const parseProduct = binary(["*", "/", "//", "%"], parsePower);
const parseSum = binary(["+", "-"], parseConcat);
const parseAnd = binary(["and"], parseNot);
const parseOr = binary(["or"], parseAnd);

function parseConcat(stream: TokenStream): Expression {
  const { line } = stream.current;
  const items = [parseProduct(stream)];
  while (stream.skip("op", "~")) items.push(parseProduct(stream));
  return items.length === 1 ? items[0]! : { type: "concat", items, line };
}

function parseNot(stream: TokenStream): Expression {
  if (!stream.isName("not")) return parseComparison(stream);
  const { line } = stream.next();
  return { type: "unary", operator: "not", operand: stream.nested(() => parseNot(stream)), line };
}

function parseComparison(stream: TokenStream): Expression {
  const { line } = stream.current;
  const first = parseSum(stream);
  const rest: [CompareOperator, Expression][] = [];
  for (;;) {
    const { value } = stream.current;
    if (stream.isOperator(...COMPARISONS)) stream.next();
    else if (stream.isName("in")) stream.next();
    else if (stream.isName("not") && stream.following.type === "name" && stream.following.value === "in") {
      stream.next();
      stream.next();
    } else return rest.length === 0 ? first : { type: "compare", first, rest, line };
    rest.push([(value === "not" ? "not in" : value) as CompareOperator, parseSum(stream)]);
  }
}

function parseUnary(stream: TokenStream, withFilter = true): Expression {
  const { line, value } = stream.current;
  let expression: Expression;
  if (stream.isOperator("-", "+")) {
    stream.next();
    const operand = stream.nested(() => parseUnary(stream, false));
    expression = { type: "unary", operator: value as "-" | "+", operand, line };
  } else {
    expression = parsePrimary(stream);
  }
  expression = parsePostfix(stream, expression);
  return withFilter ? parseFilters(stream, expression) : expression;
}

function parsePrimary(stream: TokenStream): Expression {
  const { type, value, line } = stream.current;
  switch (type) {
    case "name": {
      stream.next();
      const constant = CONSTANTS.get(value);
      return constant === undefined ? { type: "name", name: value, line } : { type: "constant", value: constant, line };
    }
    case "string": {
      let text = "";
      while (stream.is("string")) text += stream.next().value;
      return { type: "constant", value: text, line };
    }
    case "integer": {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw stream.error("expected an integer below 2^53");
      stream.next();
      return { type: "constant", value: number, line };
    }
    case "float":
      stream.next();
      return { type: "constant", value: float(Number(value)), line };
    default:
      return parseBracketed(stream);
  }
}

function parseBracketed(stream: TokenStream): Expression {
  const { line } = stream.current;
  if (stream.skip("op", "(")) {
    if (stream.skip("op", ")")) return { type: "tuple", items: [], line };
    const expression = parseTuple(stream);
    stream.expect("op", ")");
    return expression;
  }
  if (stream.skip("op", "[")) {
    return { type: "list", items: parseSeries(stream, "]", () => parseExpression(stream)), line };
  }
  if (stream.skip("op", "{")) {
    const entries = parseSeries(stream, "}", () => {
      const key = parseExpression(stream);
      stream.expect("op", ":");
      return [key, parseExpression(stream)] as const;
    });
    return { type: "dict", entries, line };
  }
  throw stream.error("expected an expression");
}

/** Things with commas between them, up to a bracket. */
function parseSeries<Item>(stream: TokenStream, end: string, parse: () => Item): Item[] {
  const items: Item[] = [];
  while (!stream.skip("op", end)) {
    if (items.length > 0) stream.expect("op", ",");
    if (items.length > 0 && stream.skip("op", end)) break;
    items.push(parse());
  }
  return items;
}

function parsePostfix(stream: TokenStream, object: Expression): Expression {
  let expression = object;
  for (;;) {
    const { line } = stream.current;
    if (stream.skip("op", ".")) {
      const { type, value } = stream.current;
      if (type === "integer") {
        stream.next();
        expression = {
          type: "item",
          object: expression,
          index: { type: "constant", value: Number(value), line },
          line,
        };
      } else {
        expression = { type: "attribute", object: expression, name: stream.expect("name").value, line };
      }
    } else if (stream.skip("op", "[")) {
      expression = parseSubscript(stream, expression, line);
    } else if (stream.is("op", "(")) {
      expression = { type: "call", callee: expression, args: parseArguments(stream), line };
    } else {
      return expression;
    }
  }
}

function parseSubscript(stream: TokenStream, object: Expression, line: number): Expression {
  const bounds: (Expression | undefined)[] = [undefined];
  let isSlice = false;
  while (!stream.skip("op", "]")) {
    if (stream.skip("op", ":")) {
      isSlice = true;
      if (bounds.push(undefined) > 3) throw stream.error("expected at most three bounds of a slice");
    } else if (bounds.at(-1) === undefined) {
      bounds[bounds.length - 1] = parseExpression(stream);
    } else {
      throw stream.error("expected ]");
    }
  }
  if (isSlice) return { type: "slice", object, bounds, line };
  const [index] = bounds;
  if (index === undefined) throw stream.error("expected an index before ]");
  return { type: "item", object, index, line };
}

export function parseArguments(stream: TokenStream): Arguments {
  stream.expect("op", "(");
  const positional: Expression[] = [];
  const named: [string, Expression][] = [];
  parseSeries(stream, ")", () => {
    if (stream.isOperator("*", "**")) throw stream.error("expected arguments one by one");
    if (stream.is("name") && stream.following.type === "op" && stream.following.value === "=") {
      const name = stream.next().value;
      stream.next();
      if (named.some(([other]) => other === name)) throw stream.error(`expected ${name} once`);
      named.push([name, parseExpression(stream)]);
    } else {
      if (named.length > 0) throw stream.error("expected arguments without a name before those with one");
      positional.push(parseExpression(stream));
    }
  });
  return { positional, named };
}

/** Filters, tests and calls after an expression. */
function parseFilters(stream: TokenStream, operand: Expression): Expression {
  let expression = operand;
  for (;;) {
    const { line } = stream.current;
    if (stream.skip("op", "|")) expression = parseFilter(stream, expression);
    else if (stream.skip("name", "is")) expression = parseTest(stream, expression, line);
    else if (stream.is("op", "("))
      expression = { type: "call", callee: expression, args: parseArguments(stream), line };
    else return expression;
  }
}

/** A filter, after its `|`. */
export function parseFilter(stream: TokenStream, operand: Expression | undefined): Expression {
  const { value: name, line } = stream.expect("name");
  const args = stream.is("op", "(") ? parseArguments(stream) : { positional: [], named: [] };
  return { type: "filter", name, ...(operand === undefined ? {} : { operand }), args, line };
}

function parseTest(stream: TokenStream, operand: Expression, line: number): Expression {
  const negated = stream.skip("name", "not");
  const name = stream.expect("name").value;
  let args: Arguments = { positional: [], named: [] };
  if (stream.is("op", "(")) {
    args = parseArguments(stream);
  } else if (
    ["name", "string", "integer", "float"].includes(stream.current.type)
      ? !stream.isName("else", "or", "and", "if", "is", "in", "not", "recursive")
      : stream.isOperator("[", "{")
  ) {
    args = { positional: [parsePostfix(stream, parsePrimary(stream))], named: [] };
  }
  return { type: "test", name, operand, args, negated, line };
}
