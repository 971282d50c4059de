import type { Expression, Signature, Statement, Target } from "./ast.ts";
import { parseExpression, parseFilter, parseTuple } from "./expression-parser.ts";
import { tokenize } from "./lexer.ts";
import { TokenStream } from "./token-stream.ts";

/** @throws {TokenizerError} `TOKENIZER_CHAT_TEMPLATE_INVALID` */
export function parseTemplate(template: string): readonly Statement[] {
  const stream = new TokenStream(tokenize(template));
  const { body } = parseBody(stream, []);
  return body;
}

/** Statements up to one of the closing words, which is read; no words: up to the end of the template. */
function parseBody(stream: TokenStream, ends: readonly string[]): { body: Statement[]; end: string } {
  const body: Statement[] = [];
  for (;;) {
    const { type, value, line } = stream.current;
    if (type === "eof") {
      if (ends.length > 0) throw stream.error(`expected {% ${ends.join(" %} or {% ")} %}`);
      return { body, end: "" };
    }
    stream.next();
    if (type === "data") {
      body.push({ type: "data", text: value, line });
    } else if (type === "open") {
      const output = parseTuple(stream);
      stream.expect("close");
      body.push({ type: "output", value: output, line });
    } else {
      if (stream.isName(...ends)) return { body, end: stream.next().value };
      body.push(stream.nested(() => parseStatement(stream)));
      stream.expect("end");
    }
  }
}

/** A statement up to its last `%}`. */
function parseStatement(stream: TokenStream): Statement {
  const { value: keyword, line } = stream.current;
  if (stream.skip("name", "if")) return parseIf(stream, line);
  if (stream.skip("name", "for")) return parseFor(stream, line);
  if (stream.skip("name", "set")) return parseSet(stream, line);
  if (stream.skip("name", "macro")) return parseMacro(stream, line);
  if (stream.skip("name", "call")) return parseCallBlock(stream, line);
  if (stream.skip("name", "with")) return parseWith(stream, line);
  if (stream.skip("name", "filter")) {
    const filter = parseFilterChain(stream, parseFilter(stream, undefined));
    return { type: "filterBlock", filter, body: parseBlock(stream, "endfilter"), line };
  }
  if (stream.skip("name", "generation")) return { type: "generation", body: parseBlock(stream, "endgeneration"), line };
  if (stream.isName("break", "continue")) {
    stream.next();
    return { type: keyword as "break" | "continue", line };
  }
  throw stream.error("expected if, for, set, macro, call, with, filter, generation, break or continue");
}

function parseBlock(stream: TokenStream, end: string): Statement[] {
  stream.expect("end");
  return parseBody(stream, [end]).body;
}

function parseIf(stream: TokenStream, line: number): Statement {
  const branches: [Expression, Statement[]][] = [];
  for (;;) {
    const test = parseTuple(stream, { withCondition: false });
    stream.expect("end");
    const { body, end } = parseBody(stream, ["elif", "else", "endif"]);
    branches.push([test, body]);
    if (end === "elif") continue;
    return { type: "if", branches, otherwise: end === "else" ? parseBlock(stream, "endif") : [], line };
  }
}

function parseFor(stream: TokenStream, line: number): Statement {
  const target = parseTarget(stream);
  stream.expect("name", "in");
  const iterable = parseTuple(stream, { withCondition: false });
  const condition = stream.skip("name", "if") ? { condition: parseExpression(stream) } : {};
  if (stream.isName("recursive")) throw stream.error("expected a loop that is not recursive");
  stream.expect("end");
  const { body, end } = parseBody(stream, ["else", "endfor"]);
  const otherwise = end === "else" ? parseBlock(stream, "endfor") : [];
  return { type: "for", target, iterable, ...condition, body, otherwise, line };
}

function parseSet(stream: TokenStream, line: number): Statement {
  const target = parseTarget(stream);
  if (stream.skip("op", "=")) return { type: "set", target, value: parseTuple(stream), line };
  const filter = stream.skip("op", "|") ? { filter: parseFilterChain(stream, parseFilter(stream, undefined)) } : {};
  return { type: "setBlock", target, ...filter, body: parseBlock(stream, "endset"), line };
}

function parseFilterChain(stream: TokenStream, first: Expression): Expression {
  let filter = first;
  while (stream.skip("op", "|")) filter = parseFilter(stream, filter);
  return filter;
}

function parseWith(stream: TokenStream, line: number): Statement {
  const values: [Target, Expression][] = [];
  while (!stream.is("end")) {
    if (values.length > 0) stream.expect("op", ",");
    const target = parseOneTarget(stream);
    stream.expect("op", "=");
    values.push([target, parseExpression(stream)]);
  }
  return { type: "with", values, body: parseBlock(stream, "endwith"), line };
}

function parseMacro(stream: TokenStream, line: number): Statement {
  const name = stream.expect("name").value;
  const parameters = parseParameters(stream);
  return { type: "macro", macro: { name, parameters, body: parseBlock(stream, "endmacro") }, line };
}

function parseCallBlock(stream: TokenStream, line: number): Statement {
  const parameters = stream.is("op", "(") ? parseParameters(stream) : [];
  const call = parseExpression(stream);
  if (call.type !== "call") throw stream.error("expected the call of a macro");
  return { type: "callBlock", call, caller: { name: "caller", parameters, body: parseBlock(stream, "endcall") }, line };
}

function parseParameters(stream: TokenStream): Signature["parameters"] {
  const parameters: { name: string; missing?: Expression }[] = [];
  stream.expect("op", "(");
  while (!stream.skip("op", ")")) {
    if (parameters.length > 0) stream.expect("op", ",");
    const name = stream.expect("name").value;
    if (stream.skip("op", "=")) parameters.push({ name, missing: parseExpression(stream) });
    else if (parameters.at(-1)?.missing === undefined) parameters.push({ name });
    else throw stream.error("expected a default, as the parameter before has one");
  }
  return parameters;
}

/** `x`, `ns.x`, or `key, value`. */
function parseTarget(stream: TokenStream): Target {
  const { line } = stream.current;
  const inBrackets = stream.skip("op", "(");
  const items = [parseOneTarget(stream)];
  let isTuple = false;
  while (stream.skip("op", ",")) {
    isTuple = true;
    if (!stream.is("name") || stream.isName("in")) break;
    items.push(parseOneTarget(stream));
  }
  if (inBrackets) stream.expect("op", ")");
  return isTuple ? { type: "tuple", items, line } : items[0]!;
}

function parseOneTarget(stream: TokenStream): Target {
  const { value: name, line } = stream.expect("name");
  if (RESERVED.has(name)) throw stream.error(`expected a name to assign to instead of ${name}`);
  if (!stream.skip("op", ".")) return { type: "name", name, line };
  return { type: "attribute", object: name, name: stream.expect("name").value, line };
}

const RESERVED: ReadonlySet<string> = new Set(["true", "false", "none", "True", "False", "None"]);
