/**
 * A parser for the one JSON shape a header may have. `JSON.parse` would silently keep the last of duplicate keys, round
 * large numbers, accept 1.0 and 1e3 as integers and build whatever nesting it is given.
 */

export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Relative to the start of the data. */
  readonly begin: number;
  readonly end: number;
}

/** More than any framework has; NumPy's limit is 64. */
const MAX_DIMENSIONS = 64;

export interface ParsedHeaderJson {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, HeaderEntry>;
}

export interface HeaderJsonHandlers {
  /** Throws. */
  fail: (message: string) => never;
  /** Called with the number of tensors so far; may throw to stop early. */
  onEntry: (count: number) => void;
}

export function parseHeaderJson(text: string, { fail, onEntry }: HeaderJsonHandlers): ParsedHeaderJson {
  const cursor = new Cursor(text, fail);
  const entries = new Map<string, HeaderEntry>();
  let metadata: Map<string, string> | undefined;
  cursor.object((name) => {
    if (name === "__metadata__") {
      if (metadata) fail('duplicate key "__metadata__"');
      metadata = readMetadata(cursor, fail);
      return;
    }
    if (entries.has(name)) fail(`duplicate key ${quote(name)}`);
    entries.set(name, readEntry(cursor, name, fail));
    onEntry(entries.size);
  });
  cursor.end();
  return { metadata: metadata ?? new Map(), entries };
}

function readMetadata(cursor: Cursor, fail: (message: string) => never): Map<string, string> {
  const metadata = new Map<string, string>();
  cursor.object((key) => {
    if (metadata.has(key)) fail(`__metadata__: duplicate key ${quote(key)}`);
    if (key === "__proto__") fail('__metadata__: the key "__proto__" is refused');
    metadata.set(key, cursor.string());
  });
  return metadata;
}

function readEntry(cursor: Cursor, name: string, fail: (message: string) => never): HeaderEntry {
  const where = `tensor ${quote(name)}`;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  cursor.object((key) => {
    const duplicate = () => fail(`${where}: duplicate key ${quote(key)}`);
    if (key === "dtype") dtype = dtype === undefined ? cursor.string() : duplicate();
    else if (key === "shape") shape = shape === undefined ? cursor.integers(MAX_DIMENSIONS) : duplicate();
    else if (key === "data_offsets") offsets = offsets === undefined ? cursor.integers(2) : duplicate();
    else fail(`${where}: unknown key ${quote(key)}`);
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    return fail(`${where}: expected dtype, shape and data_offsets`);
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2) {
    return fail(`${where}: data_offsets: expected 2 integers, found ${offsets.length}`);
  }
  return { dtype, shape, begin, end };
}

class Cursor {
  readonly #text: string;
  readonly #fail: (message: string) => never;
  #at = 0;

  constructor(text: string, fail: (message: string) => never) {
    this.#text = text;
    this.#fail = fail;
  }

  object(onKey: (key: string) => void): void {
    this.#expect("{");
    if (this.#accept("}")) return;
    do {
      const key = this.string();
      this.#expect(":");
      onKey(key);
    } while (this.#accept(","));
    this.#expect("}");
  }

  string(): string {
    this.#skipSpace();
    const start = this.#at;
    if (this.#text[start] !== '"') this.#unexpected("a string");
    let close = this.#text.indexOf('"', start + 1);
    while (close !== -1 && this.#isEscaped(close)) close = this.#text.indexOf('"', close + 1);
    if (close === -1) this.#unexpected("a string");
    const literal = this.#text.slice(start, close + 1);
    let value: string;
    try {
      value = JSON.parse(literal) as string;
    } catch {
      return this.#unexpected("a string");
    }
    if (LONE_SURROGATE.test(value)) return this.#fail(`string ${quote(value)} is not valid Unicode`);
    this.#at = close + 1;
    return value;
  }

  integers(maxCount: number): number[] {
    const values: number[] = [];
    this.#expect("[");
    if (this.#accept("]")) return values;
    do {
      if (values.length === maxCount) this.#fail(`at character ${this.#at}: expected at most ${maxCount} integers`);
      this.#skipSpace();
      INTEGER.lastIndex = this.#at;
      const digits = INTEGER.exec(this.#text)?.[0] ?? this.#unexpected("a non-negative integer");
      const value = Number(digits);
      if (!Number.isSafeInteger(value)) this.#unexpected("an integer below 2^53");
      values.push(value);
      this.#at += digits.length;
    } while (this.#accept(","));
    if (!this.#accept("]")) this.#unexpected("a non-negative integer"); // 1.5 and 1e3 end here
    return values;
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#unexpected("the end of the header");
  }

  #expect(character: string): void {
    if (!this.#accept(character)) this.#unexpected(JSON.stringify(character));
  }

  #accept(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (SPACE.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
  }

  /** Whether an odd number of backslashes stands before. */
  #isEscaped(at: number): boolean {
    let backslashes = 0;
    while (this.#text[at - 1 - backslashes] === "\\") backslashes++;
    return backslashes % 2 === 1;
  }

  #unexpected(expected: string): never {
    const found = this.#text.slice(this.#at, this.#at + 20);
    return this.#fail(
      `at character ${this.#at}: expected ${expected}, found ${found === "" ? "the end" : JSON.stringify(found)}`,
    );
  }
}

/** For messages: a hostile name may be megabytes long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
}

const SPACE = " \t\r\n";
const INTEGER = /(?:0|[1-9][0-9]{0,30})(?![0-9])/y;
const LONE_SURROGATE = /\p{Surrogate}/u;
