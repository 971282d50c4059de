import { type ConfigScalar, isForbiddenKey } from "./node.ts";

/**
 * The grammar of `${...}` of OmegaConf 2.3: `${a.b[c]}`, `${.sibling}`, `${..x}`, `${resolver:arg,arg}`, all of them nested and
 * inside text; `\${` is a plain `${`. Parsing gives a tree, which `interpolation.ts` evaluates.
 */

/** Text with interpolations in it; a single part that is an interpolation keeps the type of its value. */
export type Template = readonly (string | Interpolation)[];

export type Interpolation =
  | {
      readonly kind: "reference" /** Leading dots. */;
      readonly dots: number /** The path behind them, to be joined. */;
      readonly path: Template;
    }
  | { readonly kind: "resolver"; readonly name: string; readonly args: readonly Argument[] };

export type Argument =
  | { readonly kind: "literal"; readonly value: ConfigScalar }
  | { readonly kind: "template"; readonly template: Template }
  | { readonly kind: "quoted"; readonly template: Template }
  | { readonly kind: "list"; readonly items: readonly Argument[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [string, Argument])[] };

/** Thrown by the parser; the caller knows where the text stands. */
export class InterpolationSyntaxError extends Error {}

const MAX_NESTING = 50;

/** @throws {InterpolationSyntaxError} */
export function parseTemplate(text: string): Template {
  return new Parser(text).template(undefined);
}

/** One value in the grammar of arguments, for `oc.decode`. @throws {InterpolationSyntaxError} */
export function parseArgument(text: string): Argument {
  const parser = new Parser(text);
  const argument = parser.argument();
  parser.expectEnd();
  return argument;
}

class Parser {
  readonly #text: string;
  #at = 0;
  #nesting = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Up to the closing quote, or to the end where there is none. Consumes the quote. */
  template(quote: string | undefined): Template {
    const parts: (string | Interpolation)[] = [];
    let literal = "";
    for (;;) {
      const rest = this.#text.slice(this.#at);
      if (rest === "") {
        if (quote !== undefined) throw this.#error(`a closing ${quote}`);
        break;
      }
      // Backslashes escape only in front of ${ and, inside quotes, in front of the quote: 2n of them are n, one more escapes.
      const run = /^\\+/.exec(rest)?.[0] ?? "";
      const next = rest.slice(run.length);
      const special = next.startsWith("${") ? "${" : quote !== undefined && next.startsWith(quote) ? quote : undefined;
      if (special === undefined) {
        literal += run === "" ? rest[0] : run;
        this.#at += Math.max(run.length, 1);
        continue;
      }
      literal += "\\".repeat(Math.floor(run.length / 2));
      this.#at += run.length;
      if (run.length % 2 === 1) {
        literal += special;
        this.#at += special.length;
      } else if (special === quote) {
        this.#at += 1;
        break;
      } else {
        if (literal !== "") parts.push(literal);
        literal = "";
        parts.push(this.#interpolation());
      }
    }
    if (literal !== "") parts.push(literal);
    return parts;
  }

  argument(): Argument {
    this.#skipSpace();
    const start = this.#text[this.#at];
    if (start === "'" || start === '"') {
      this.#at += 1;
      const template = this.template(start);
      this.#skipSpace();
      return { kind: "quoted", template };
    }
    if (start === "[") return this.#nested(() => this.#list());
    if (start === "{") return this.#nested(() => this.#dict());
    return this.#primitive(/[,\]}]/);
  }

  expectEnd(): void {
    if (this.#at < this.#text.length) throw this.#error("the end");
  }

  #interpolation(): Interpolation {
    return this.#nested(() => {
      this.#at += 2;
      this.#skipSpace();
      const resolver = /^([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)[ \t]*:/.exec(this.#text.slice(this.#at));
      if (resolver !== null) {
        this.#at += resolver[0].length;
        const args = this.#sequence("}");
        return { kind: "resolver", name: resolver[1]!, args };
      }
      return this.#reference();
    });
  }

  #reference(): Interpolation {
    const dots = /^\.*/.exec(this.#text.slice(this.#at))![0].length;
    this.#at += dots;
    const path: (string | Interpolation)[] = [];
    for (;;) {
      const bracket = this.#text[this.#at] === "[";
      if (bracket) this.#at += 1;
      const key = this.#text.startsWith("${", this.#at) ? this.#interpolation() : this.#key();
      if (bracket) {
        if (this.#text[this.#at] !== "]") throw this.#error("]");
        this.#at += 1;
        path.push("[", key, "]");
      } else path.push(key);
      if (this.#text[this.#at] === ".") {
        path.push(".");
        this.#at += 1;
      } else if (this.#text[this.#at] !== "[") break;
    }
    this.#skipSpace();
    if (this.#text[this.#at] !== "}") throw this.#error("}");
    this.#at += 1;
    return { kind: "reference", dots, path };
  }

  #key(): string {
    const key = /^[^\\${}()[\]:. \t'"]+/.exec(this.#text.slice(this.#at))?.[0];
    if (key === undefined) throw this.#error("a key");
    this.#at += key.length;
    return key;
  }

  #list(): Argument {
    this.#at += 1;
    return { kind: "list", items: this.#sequence("]") };
  }

  /** Arguments up to the closing bracket, which is consumed; an empty one between commas is `""`. */
  #sequence(close: string): Argument[] {
    const items: Argument[] = [];
    this.#skipSpace();
    if (this.#text[this.#at] === close) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(this.argument());
      const next = this.#text[this.#at];
      if (next !== "," && next !== close) throw this.#error(`a comma or ${close}`);
      this.#at += 1;
      if (next === close) return items;
    }
  }

  #dict(): Argument {
    const entries: (readonly [string, Argument])[] = [];
    this.#at += 1;
    this.#skipSpace();
    while (this.#text[this.#at] !== "}") {
      const key = this.#primitive(/[:,\]}]/);
      if (this.#text[this.#at] !== ":") throw this.#error("a colon");
      this.#at += 1;
      const name = key.kind === "literal" ? String(key.value) : undefined;
      if (name === undefined || name === "") throw this.#error("a plain key");
      if (isForbiddenKey(name)) throw new InterpolationSyntaxError(`the key ${name} is not allowed`);
      entries.push([name, this.argument()]);
      if (this.#text[this.#at] === ",") this.#at += 1;
      else if (this.#text[this.#at] !== "}") throw this.#error("a comma or }");
      this.#skipSpace();
    }
    this.#at += 1;
    return { kind: "dict", entries };
  }

  /** Unquoted text up to one of `stop`: typed if it is one word, text with interpolations otherwise. */
  #primitive(stop: RegExp): Argument {
    const parts: (string | Interpolation)[] = [];
    let literal = "";
    let escaped = false;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || stop.test(char)) break;
      if (this.#text.startsWith("${", this.#at)) {
        if (literal !== "") parts.push(literal);
        literal = "";
        parts.push(this.#interpolation());
      } else if (char === "\\" && /[\\()[\]{}:=, \t]/.test(this.#text[this.#at + 1] ?? "")) {
        literal += this.#text[this.#at + 1];
        escaped = true;
        this.#at += 2;
      } else if (/[\w/\-\\+.$%*@?|: \t]/.test(char)) {
        literal += char;
        this.#at += 1;
      } else throw this.#error("a value; quote text with other characters");
    }
    if (escaped) return { kind: "template", template: literal === "" ? parts : [...parts, literal] };
    if (parts.length === 0) return { kind: "literal", value: typedWord(literal.replace(/^[ \t]+|[ \t]+$/g, "")) };
    if (typeof parts[0] === "string") parts[0] = parts[0].replace(/^[ \t]+/, "");
    const tail = literal.replace(/[ \t]+$/, "");
    return { kind: "template", template: [...parts, tail].filter((part) => part !== "") };
  }

  #nested<Result>(parse: () => Result): Result {
    this.#nesting++;
    if (this.#nesting > MAX_NESTING) throw new InterpolationSyntaxError(`nested deeper than ${MAX_NESTING} levels`);
    const result = parse();
    this.#nesting--;
    return result;
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at += 1;
  }

  #error(expected: string): InterpolationSyntaxError {
    const got = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : "the end";
    return new InterpolationSyntaxError(`expected ${expected} at character ${this.#at + 1}, got ${got}`);
  }
}

const FLOAT = /^[+-]?(?:(?:0|[1-9](?:_?\d)*)?\.\d(?:_?\d)*|(?:0|[1-9](?:_?\d)*)\.?)(?:[eE][+-]?\d(?:_?\d)*)?$/;

function typedWord(word: string): ConfigScalar {
  if (/^null$/i.test(word)) return null;
  if (/^(?:true|false)$/i.test(word)) return word.toLowerCase() === "true";
  if (/^[+-]?inf$/i.test(word)) return word.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^[+-]?nan$/i.test(word)) return Number.NaN;
  return FLOAT.test(word) ? Number(word.replaceAll("_", "")) : word;
}
