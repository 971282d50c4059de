import { unitsOf } from "./characters.ts";
import type { OffsetUnit } from "./full-encoding.ts";

/** Positions in a text: from UTF-16 units to code points, and from these to any unit. A table only where they differ. */
export class Positions {
  readonly #text: string;
  #pointOfUnit: Uint32Array | undefined;
  readonly #fromPoint = new Map<OffsetUnit, Uint32Array>();
  readonly #isAscii: boolean;

  constructor(text: string) {
    this.#text = text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
    this.#isAscii = /^[\x00-\x7f]*$/.test(text);
  }

  /** The code point that a UTF-16 unit belongs to, as its index. */
  toCodePoint(unit: number): number {
    if (this.#isAscii) return unit;
    this.#pointOfUnit ??= this.#count();
    return this.#pointOfUnit[unit]!;
  }

  fromCodePoint(point: number, unit: OffsetUnit): number {
    if (this.#isAscii || unit === "codePoints") return point;
    let table = this.#fromPoint.get(unit);
    if (table === undefined) {
      table = this.#measure(unit);
      this.#fromPoint.set(unit, table);
    }
    return table[point] ?? point;
  }

  #count(): Uint32Array {
    const table = new Uint32Array(this.#text.length + 1);
    let point = 0;
    for (let i = 0; i < this.#text.length; point++) {
      const end = i + unitsOf(this.#text.codePointAt(i)!);
      table.fill(point, i, end);
      i = end;
    }
    table[this.#text.length] = point;
    return table;
  }

  #measure(unit: OffsetUnit): Uint32Array {
    const table: number[] = [];
    let at = 0;
    for (let i = 0; i < this.#text.length; ) {
      const point = this.#text.codePointAt(i)!;
      table.push(at);
      i += unitsOf(point);
      at += unit === "utf16" ? unitsOf(point) : point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    }
    table.push(at);
    return Uint32Array.from(table);
  }
}
