import type { Token, TokenType } from "./lexer.ts";
import { templateError } from "./template-error.ts";

/** Expressions and blocks inside one another; deeper ones would overflow the stack. */
const MAX_NESTING = 100;

/** The tokens of a template with a place among them. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#at]!;
  }

  get following(): Token {
    return this.#tokens[this.#at + 1] ?? this.current;
  }

  next(): Token {
    const token = this.current;
    if (token.type !== "eof") this.#at++;
    return token;
  }

  is(type: TokenType, value?: string): boolean {
    const { current } = this;
    return current.type === type && (value === undefined || current.value === value);
  }

  /** Whether one of these operators is here. */
  isOperator(...operators: readonly string[]): boolean {
    return this.current.type === "op" && operators.includes(this.current.value);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.type === "name" && names.includes(this.current.value);
  }

  skip(type: TokenType, value?: string): boolean {
    const found = this.is(type, value);
    if (found) this.next();
    return found;
  }

  expect(type: TokenType, value?: string): Token {
    if (!this.is(type, value)) throw this.error(`expected ${value ?? NAMES[type] ?? type}`);
    return this.next();
  }

  /** An error about what is here. */
  error(expected: string): Error {
    const { type, value, line } = this.current;
    const got = NAMES[type] ?? (type === "string" ? JSON.stringify(value) : value);
    return templateError("TOKENIZER_CHAT_TEMPLATE_INVALID", line, `${expected}, got ${got}`);
  }

  /** Runs a parser that may come back to itself. */
  nested<Result>(parse: () => Result): Result {
    if (++this.#nesting > MAX_NESTING) throw this.error(`expected at most ${MAX_NESTING} levels of nesting`);
    const result = parse();
    this.#nesting--;
    return result;
  }
}

const NAMES: Partial<Record<TokenType, string>> = {
  data: "text",
  open: "{{",
  close: "}}",
  begin: "{%",
  end: "%}",
  eof: "the end of the template",
};
