/**
 * Reads the expressions of tokenizer.json: the Ruby syntax of Oniguruma, without what no linear engine can do
 * (references to groups) and without what no tokenizer was seen to use. Groups do not capture.
 */
import { CodePointSet } from "../code-point-set.ts";
import * as sets from "./character-sets.ts";
import { type AssertionName, isNullable, type Node } from "./syntax.ts";

/** Why an expression is refused; the reader of the file says which. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

const MAX_LENGTH = 16_384; // UTF-16 units
const MAX_DEPTH = 64; // groups in groups
const MAX_COUNT = 1000; // of {n,m}
const MAX_CLASSES = 256; // in brackets
const MAX_STACKED = 4; // repetitions of a repetition

const ASSERTIONS: Readonly<Record<string, AssertionName>> = {
  A: "textStart",
  z: "textEnd",
  Z: "lastLineEnd",
  b: "wordBoundary",
  B: "noWordBoundary",
};
const CONTROLS: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, a: 0x07, e: 0x1b };

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
}

export function parseExpression(source: string): Node {
  if (source.length > MAX_LENGTH) throw new ExpressionError(`it has more than ${MAX_LENGTH} characters`);
  return new Parser(source).parse();
}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #classes = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Node {
    const node = this.#alternatives({ ignoreCase: false, dotAll: false });
    if (this.#at < this.#source.length) this.#fail("unmatched )");
    return node;
  }

  #fail(problem: string): never {
    throw new ExpressionError(`${problem} at character ${this.#at}`);
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #next(): number {
    const point = this.#source.codePointAt(this.#at);
    if (point === undefined) this.#fail("unexpected end");
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #alternatives(flags: Flags): Node {
    if (++this.#depth > MAX_DEPTH) this.#fail(`groups nested deeper than ${MAX_DEPTH}`);
    const items: Node[] = [];
    do items.push(this.#sequence(flags));
    while (this.#take("|"));
    this.#depth--;
    return items.length === 1 ? items[0]! : { kind: "alternatives", items };
  }

  #sequence(start: Flags): Node {
    let flags = start;
    const items: Node[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const switched = this.#inlineFlags(flags);
      if (switched !== undefined) {
        flags = switched;
        if (this.#source[this.#at] === "|") {
          // As in Ruby, `a(?i)b|c` is `a(?i:b|c)`.
          this.#at++;
          const rest = this.#alternatives(flags);
          return { kind: "alternatives", items: [{ kind: "sequence", items }, rest] };
        }
        continue;
      }
      const atom = this.#atom(flags);
      if (atom !== undefined) items.push(this.#quantified(atom));
    }
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  /** `(?i)`, up to the end of the group. */
  #inlineFlags(flags: Flags): Flags | undefined {
    const match = /^\(\?([a-z]*)(?:-([a-z]+))?\)/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (match === null) return undefined;
    this.#at += match[0].length;
    return this.#withFlags(flags, match[1]!, match[2] ?? "");
  }

  #withFlags(flags: Flags, on: string, off: string): Flags {
    for (const flag of on + off) if (!"im".includes(flag)) this.#fail(`the flag ${flag}`);
    return {
      ignoreCase: (flags.ignoreCase || on.includes("i")) && !off.includes("i"),
      dotAll: (flags.dotAll || on.includes("m")) && !off.includes("m"),
    };
  }

  #quantified(first: Node): Node {
    let item = first;
    for (let stacked = 0; ; stacked++) {
      let min: number;
      let max: number;
      let interval = false;
      if (this.#take("*")) [min, max] = [0, Number.POSITIVE_INFINITY];
      else if (this.#take("+")) [min, max] = [1, Number.POSITIVE_INFINITY];
      else if (this.#take("?")) [min, max] = [0, 1];
      else {
        const match = /^\{(\d*)(?:(,)(\d*))?\}/.exec(this.#source.slice(this.#at, this.#at + 24));
        if (match === null || (match[1] === "" && (match[3] ?? "") === "")) return item;
        this.#at += match[0].length;
        interval = true;
        min = match[1] === "" ? 0 : Number(match[1]);
        max = match[2] === undefined ? min : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
        if (min > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY)) {
          this.#fail(`more than ${MAX_COUNT} repetitions`);
        }
        if (min > max) this.#fail("a repetition of at least more than at most");
      }
      if (stacked === MAX_STACKED) this.#fail(`more than ${MAX_STACKED} repetitions of each other`);
      // In Ruby, `{n}?` and `{n,m}+` repeat the repetition instead of changing its mode.
      const mode = this.#mode(interval && min === max, interval);
      if (max === Number.POSITIVE_INFINITY && isNullable(item))
        this.#fail("an endless repetition of what can be empty");
      item = { kind: "repeat", item, min, max, mode };
    }
  }

  #mode(exact: boolean, interval: boolean): "greedy" | "lazy" | "possessive" {
    if (!exact && this.#take("?")) return "lazy";
    if (!interval && this.#take("+")) return "possessive";
    return "greedy";
  }

  #atom(flags: Flags): Node | undefined {
    const point = this.#next();
    switch (String.fromCodePoint(point)) {
      case "(":
        return this.#group(flags);
      case "[":
        return { kind: "set", set: this.#characterClass(flags) };
      case ".":
        return { kind: "set", set: flags.dotAll ? sets.ANY() : sets.notNewline() };
      case "^":
        return { kind: "assertion", name: "lineStart" };
      case "$":
        return { kind: "assertion", name: "lineEnd" };
      case "\\":
        return this.#escape(flags);
      case "*":
      case "+":
      case "?":
        return this.#fail("nothing to repeat");
      default:
        return { kind: "set", set: sets.single(point, flags.ignoreCase) };
    }
  }

  #group(flags: Flags): Node | undefined {
    if (this.#take("?#")) {
      const end = this.#source.indexOf(")", this.#at);
      if (end < 0) this.#fail("unclosed comment");
      this.#at = end + 1;
      return undefined;
    }
    const close = (node: Node): Node => {
      if (!this.#take(")")) this.#fail("unclosed group");
      return node;
    };
    const inside = (inner: Flags = flags): Node => close(this.#alternatives(inner));
    if (!this.#take("?")) return inside();
    if (this.#take(":")) return inside();
    if (this.#take(">")) return { kind: "atomic", item: inside() };
    if (this.#take("=")) return { kind: "look", item: inside(), behind: false, negative: false };
    if (this.#take("!")) return { kind: "look", item: inside(), behind: false, negative: true };
    if (this.#take("<=")) return { kind: "look", item: inside(), behind: true, negative: false };
    if (this.#take("<!")) return { kind: "look", item: inside(), behind: true, negative: true };
    const named = /^(?:P?<\w+>)/.exec(this.#source.slice(this.#at, this.#at + 64));
    if (named !== null) {
      this.#at += named[0].length;
      return inside();
    }
    const switched = /^([a-z]*)(?:-([a-z]+))?:/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (switched === null) this.#fail("a kind of group that is not supported");
    this.#at += switched[0].length;
    return inside(this.#withFlags(flags, switched[1]!, switched[2] ?? ""));
  }

  #escape(flags: Flags): Node {
    const letter = this.#source[this.#at] ?? "";
    const assertion = ASSERTIONS[letter];
    if (assertion !== undefined) {
      this.#at++;
      return { kind: "assertion", name: assertion };
    }
    if (letter === "R") {
      this.#at++;
      const newline = sets.ranges([0x0a, 0x0d], [0x85, 0x85], [0x2028, 0x2029]);
      const pair = [sets.single(0x0d, false), sets.single(0x0a, false)].map((set) => ({ kind: "set", set }) as const);
      const items: Node[] = [
        { kind: "sequence", items: pair },
        { kind: "set", set: newline },
      ];
      return { kind: "atomic", item: { kind: "alternatives", items } };
    }
    const escaped = this.#escapedSet();
    if (typeof escaped !== "number") return { kind: "set", set: escaped };
    return { kind: "set", set: sets.single(escaped, flags.ignoreCase) };
  }

  /** What follows a backslash, in a class or outside: a set, or one character. */
  #escapedSet(): CodePointSet | number {
    const point = this.#next();
    const letter = String.fromCodePoint(point);
    switch (letter) {
      case "s":
        return sets.whiteSpace();
      case "S":
        return sets.whiteSpace().complement();
      case "d":
        return sets.digits();
      case "D":
        return sets.digits().complement();
      case "w":
        return sets.wordCharacters();
      case "W":
        return sets.wordCharacters().complement();
      case "h":
        return sets.hexDigits();
      case "H":
        return sets.hexDigits().complement();
      case "p":
      case "P":
        return this.#property(letter === "P");
      case "x":
        return this.#hexadecimal(/^(?:\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{1,2}))/);
      case "u":
        return this.#hexadecimal(/^([0-9a-fA-F]{4})/);
      case "0":
        return 0;
    }
    if (CONTROLS[letter] !== undefined) return CONTROLS[letter];
    if (/[0-9A-Za-z]/.test(letter)) this.#fail(`the escape \\${letter}`);
    return point;
  }

  #hexadecimal(form: RegExp): number {
    const match = form.exec(this.#source.slice(this.#at, this.#at + 12));
    const point = match === null ? Number.NaN : Number.parseInt(match[1] ?? match[2]!, 16);
    if (match === null || !(point <= 0x10ffff)) this.#fail("a code point that is none");
    this.#at += match[0].length;
    return point;
  }

  #property(upper: boolean): CodePointSet {
    const match = /^\{(\^?)([\w\s=&-]{1,48})\}/.exec(this.#source.slice(this.#at, this.#at + 64));
    if (match === null) this.#fail("a property without braces");
    const set = sets.property(match[2]!);
    if (set === undefined) this.#fail(`the property ${match[2]}`);
    this.#at += match[0].length;
    return upper !== (match[1] === "^") ? set.complement() : set;
  }

  /** After `[`, up to its `]`. */
  #characterClass(flags: Flags): CodePointSet {
    if (++this.#depth > MAX_DEPTH) this.#fail(`groups nested deeper than ${MAX_DEPTH}`);
    if (++this.#classes > MAX_CLASSES) this.#fail(`more than ${MAX_CLASSES} classes`);
    const negative = this.#take("^");
    let total: CodePointSet | undefined; // of what stands before `&&`
    let set = new CodePointSet();
    for (let first = true; ; first = false) {
      if (this.#source[this.#at] === "]" && !first) break;
      if (this.#take("&&")) {
        total = total === undefined ? set : total.intersection(set);
        set = new CodePointSet();
        continue;
      }
      if (this.#take("[:")) {
        const match = /^(\^?)([a-z]+):\]/.exec(this.#source.slice(this.#at, this.#at + 16));
        const posix = match === null ? undefined : sets.posixClass(match[2]!);
        if (match === null || posix === undefined) this.#fail("a bracket that is not known");
        this.#at += match[0].length;
        set.addAll(match[1] === "^" ? posix.complement() : posix);
        continue;
      }
      const from = this.#classItem(flags);
      if (typeof from !== "number") {
        set.addAll(from);
        continue;
      }
      let to = from;
      if (this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]" && this.#at + 1 < this.#source.length) {
        this.#at++;
        const last = this.#classItem(flags);
        if (typeof last === "number") {
          if (last < from) this.#fail("a range from high to low");
          to = last;
        } else {
          set.addRange(0x2d, 0x2d);
          set.addAll(last);
        }
      }
      set.addRange(from, to);
      if (flags.ignoreCase) sets.addOtherCases(set, from, Math.min(to, 0x1e943));
    }
    this.#at++;
    this.#depth--;
    const result = total === undefined ? set : total.intersection(set);
    return negative ? result.complement() : result;
  }

  #classItem(flags: Flags): CodePointSet | number {
    if (this.#take("[")) return this.#characterClass(flags);
    if (this.#take("\\")) {
      if (this.#take("b")) return 0x08;
      return this.#escapedSet();
    }
    return this.#next();
  }
}
