/**
 * Cuts a template into tokens as Jinja 3 does with `trim_blocks` and `lstrip_blocks`, which is how transformers sets it up: the newline
 * after a block tag goes, and so does the white space before one that stands first in its line.
 */
import { templateError } from "./template-error.ts";
import { isSpace, stripEnd } from "./white-space.ts";

export type TokenType =
  | "data"
  | "open"
  | "close"
  | "begin"
  | "end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "op"
  | "eof";

/** `open` and `close` are those of an expression, `begin` and `end` those of a statement. */
export interface Token {
  readonly type: TokenType;
  /** Text, name, operator, or the contents of a string literal. */
  readonly value: string;
  readonly line: number;
}

const TWO_CHARACTER_OPERATORS = new Set(["**", "//", "==", "!=", "<=", ">="]);
const ONE_CHARACTER_OPERATORS = new Set("+-*/%~()[]{}|.,:;=<>");
const PAIRS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
const RAW_BEGIN = /\{%[-+]?\s*raw\s*(-?)%\}/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g;
const NUMBER =
  /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{N}\p{M}_]+/uy;

/** @throws {TokenizerError} `TOKENIZER_CHAT_TEMPLATE_INVALID` */
export function tokenize(template: string): Token[] {
  return new Lexer(template.replace(/\r\n?/g, "\n").replace(/\n$/, "")).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  /** Whether what came before ended a line, or nothing came before. */
  #lineStart = true;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) this.#text();
    this.#push("eof", "");
    return this.#tokens;
  }

  /** Text up to the next tag, and the tag. */
  #text(): void {
    const source = this.#source;
    let tag = source.indexOf("{", this.#at);
    while (tag >= 0 && !"{%#".includes(source[tag + 1] ?? " ")) tag = source.indexOf("{", tag + 1);
    if (tag < 0) {
      this.#data(source.slice(this.#at));
      this.#at = source.length;
      return;
    }
    const kind = source[tag + 1]!;
    const sign = source[tag + 2];
    let text = source.slice(this.#at, tag);
    if (sign === "-") text = stripEnd(text);
    else if (sign !== "+" && kind !== "{") text = this.#withoutIndent(text);
    const skipped = source.slice(this.#at, tag);
    const line = this.#line;
    this.#data(text);
    this.#line = line + count(skipped);
    this.#at = tag;
    if (kind === "#") this.#comment();
    else if (kind === "%" && this.#raw()) return;
    else this.#tag(kind === "{", sign === "-" || sign === "+" ? 3 : 2);
  }

  /** Without the white space that stands alone before a tag in its line. */
  #withoutIndent(text: string): string {
    const lineStart = text.lastIndexOf("\n") + 1;
    if (lineStart === 0 && !this.#lineStart) return text;
    const rest = text.slice(lineStart);
    return stripEnd(rest) === "" ? text.slice(0, lineStart) : text;
  }

  #data(text: string): void {
    if (text !== "") this.#push("data", text);
  }

  #comment(): void {
    const end = this.#source.indexOf("#}", this.#at + 2);
    if (end < 0) throw this.#error("expected #} at the end of the comment");
    const sign = this.#source[end - 1];
    this.#advance(end + 2);
    this.#afterTag(sign);
  }

  /** @returns whether there was a raw block */
  #raw(): boolean {
    RAW_BEGIN.lastIndex = this.#at;
    const begin = RAW_BEGIN.exec(this.#source);
    if (begin === null) return false;
    this.#advance(RAW_BEGIN.lastIndex);
    if (begin[1] === "-") this.#skipSpace();
    RAW_END.lastIndex = this.#at;
    const end = RAW_END.exec(this.#source);
    if (end === null) throw this.#error("expected {% endraw %}");
    const text = this.#source.slice(this.#at, end.index);
    this.#lineStart = text === "" ? this.#lineStart : text.endsWith("\n");
    this.#data(end[1] === "-" ? stripEnd(text) : end[1] === "+" ? text : this.#withoutIndent(text));
    this.#advance(RAW_END.lastIndex);
    this.#afterTag(end[2]);
    return true;
  }

  /** What the sign of a closing tag says about the white space after it. */
  #afterTag(sign: string | undefined): void {
    if (sign === "-") this.#skipSpace();
    else if (sign !== "+" && this.#source[this.#at] === "\n") this.#advance(this.#at + 1);
    this.#lineStart = this.#source[this.#at - 1] === "\n";
  }

  #tag(isExpression: boolean, length: number): void {
    this.#push(isExpression ? "open" : "begin", "");
    this.#advance(this.#at + length);
    const close = isExpression ? "}}" : "%}";
    const brackets: string[] = [];
    for (;;) {
      this.#skipSpace();
      const source = this.#source;
      const at = this.#at;
      if (at >= source.length) throw this.#error(`expected ${close}`);
      if (brackets.length === 0) {
        const sign = source[at] === "-" || (source[at] === "+" && !isExpression) ? source[at] : undefined;
        if (source.startsWith(close, sign === undefined ? at : at + 1)) {
          this.#push(isExpression ? "close" : "end", "");
          this.#advance(at + (sign === undefined ? 2 : 3));
          if (!isExpression) this.#afterTag(sign);
          else if (sign === "-") this.#skipSpace();
          this.#lineStart = source[this.#at - 1] === "\n";
          return;
        }
      }
      this.#word(brackets);
    }
  }

  #word(brackets: string[]): void {
    const source = this.#source;
    const first = source[this.#at]!;
    if (first === '"' || first === "'") {
      this.#string(first);
      return;
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(source)?.[0];
    if (number !== undefined) {
      const isFloat = /[.eE]/.test(number) && !/^0[xX]/.test(number);
      this.#push(isFloat ? "float" : "integer", number.replaceAll("_", ""));
      this.#advance(NUMBER.lastIndex);
      return;
    }
    NAME.lastIndex = this.#at;
    const name = NAME.exec(source)?.[0];
    if (name !== undefined) {
      this.#push("name", name);
      this.#advance(NAME.lastIndex);
      return;
    }
    const two = source.slice(this.#at, this.#at + 2);
    const operator = TWO_CHARACTER_OPERATORS.has(two) ? two : first;
    if (operator.length === 1 && !ONE_CHARACTER_OPERATORS.has(operator)) {
      throw this.#error(`expected an expression, got ${JSON.stringify(first)}`);
    }
    const closing = PAIRS[operator];
    if (closing !== undefined) brackets.push(closing);
    else if (")]}".includes(operator)) {
      const expected = brackets.pop();
      if (expected !== operator) throw this.#error(`expected ${expected ?? "no bracket"}, got ${operator}`);
    }
    this.#push("op", operator);
    this.#advance(this.#at + operator.length);
  }

  #string(quote: string): void {
    const source = this.#source;
    let end = this.#at + 1;
    while (end < source.length && source[end] !== quote) end += source[end] === "\\" ? 2 : 1;
    if (end >= source.length) throw this.#error(`expected ${quote} at the end of the string`);
    this.#push("string", this.#unescaped(source.slice(this.#at + 1, end)));
    this.#advance(end + 1);
  }

  /** Escapes as in Python's string literals. */
  #unescaped(text: string): string {
    const escapes = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g;
    return text.replace(escapes, (whole, x, u, long, octal, other: string) => {
      const hex = x ?? u ?? long;
      const point =
        hex === undefined ? (octal === undefined ? undefined : Number.parseInt(octal, 8)) : Number.parseInt(hex, 16);
      if (point !== undefined) {
        if (point > 0x10ffff) throw this.#error(`expected a code point, got ${whole}`);
        return String.fromCodePoint(point);
      }
      if ("xuUN".includes(other)) throw this.#error(`expected an escape, got ${whole}`);
      return ESCAPES[other] ?? whole;
    });
  }

  #skipSpace(): void {
    let end = this.#at;
    while (isSpace(this.#source[end])) end++;
    this.#advance(end);
  }

  #advance(to: number): void {
    this.#line += count(this.#source.slice(this.#at, to));
    this.#at = to;
  }

  #push(type: TokenType, value: string): void {
    this.#tokens.push({ type, value, line: this.#line });
  }

  #error(message: string): Error {
    return templateError("TOKENIZER_CHAT_TEMPLATE_INVALID", this.#line, message);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

function count(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
