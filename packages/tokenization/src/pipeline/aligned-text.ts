/**
 * Text on its way through the pipeline: a string, and for each of its UTF-16 units the range of the original that it
 * came from. The rules are those of `NormalizedString` of Hugging Face tokenizers: a character that replaces another has
 * its range, one that is inserted has that of the character before it. Positions in the original are UTF-16 units.
 */
import { unitsOf } from "./characters.ts";
import { checkGrowth } from "./limits.ts";

/** UTF-16 units of the text: `start` belongs to the range, `end` does not. */
export type Range = readonly [start: number, end: number];

/** A character of the result of `transform`: 0 replaces one, 1 is inserted, -n replaces one and removes n after it. */
export interface Change {
  readonly character: string;
  readonly change: number;
}

export class AlignedText {
  readonly text: string;
  /** Where in the original this text begins, as it was when it was cut out. */
  readonly originalStart: number;
  /** Per unit; undefined when nobody will ask for offsets. */
  readonly #starts: Uint32Array | undefined;
  readonly #ends: Uint32Array | undefined;

  private constructor(text: string, originalStart: number, starts?: Uint32Array, ends?: Uint32Array) {
    this.text = text;
    this.originalStart = originalStart;
    this.#starts = starts;
    this.#ends = ends;
  }

  /**
   * @param aligned - false: positions are not kept, which is faster
   * @param originalStart - where the text begins in the original
   */
  static of(text: string, aligned: boolean, originalStart = 0): AlignedText {
    if (!aligned) return new AlignedText(text, originalStart);
    const starts = new Uint32Array(text.length);
    const ends = new Uint32Array(text.length);
    for (let i = 0; i < text.length; ) {
      const end = i + unitsOf(text.codePointAt(i)!);
      for (let unit = i; unit < end; unit++) {
        starts[unit] = originalStart + i;
        ends[unit] = originalStart + end;
      }
      i = end;
    }
    return new AlignedText(text, originalStart, starts, ends);
  }

  /** The range of the original that a range of the text came from; undefined if positions are not kept or it is empty. */
  originalRange(start: number, end: number): Range | undefined {
    if (this.#starts === undefined || start >= end || end > this.text.length) return undefined;
    return [this.#starts[start]!, this.#ends![end - 1]!];
  }

  /** A piece of the text, which begins where its first character came from. */
  slice(start: number, end: number): AlignedText {
    const from = start < end ? (this.#starts?.[start] ?? this.originalStart + start) : this.originalStart;
    return this.#part(start, end, from);
  }

  /** The text without what stands before `start` and from `end` on; it begins where it began. */
  cut(start: number, end: number): AlignedText {
    return this.#part(start, end, this.originalStart);
  }

  #part(start: number, end: number, originalStart: number): AlignedText {
    const text = this.text.slice(start, end);
    return new AlignedText(text, originalStart, this.#starts?.subarray(start, end), this.#ends?.subarray(start, end));
  }

  /** Puts a string in the place of each character; all of it has the range of the character. */
  mapCharacters(map: (point: number, character: string) => string): AlignedText {
    const { text } = this;
    const isAligned = this.#starts !== undefined;
    const origins: number[] = [];
    let changed = "";
    let copied = 0; // units of the text that `changed` has
    for (let i = 0; i < text.length; ) {
      const point = text.codePointAt(i)!;
      const units = unitsOf(point);
      const character = units === 1 ? text[i]! : text.slice(i, i + units);
      const mapped = map(point, character);
      if (mapped !== character) {
        changed += text.slice(copied, i) + mapped;
        if (isAligned) {
          for (let unit = copied; unit < i; unit++) origins.push(unit);
          for (let unit = 0; unit < mapped.length; unit++) origins.push(i);
        }
        copied = i + units;
      }
      i += units;
    }
    if (copied === 0) return this;
    if (isAligned) for (let unit = copied; unit < text.length; unit++) origins.push(unit);
    return this.#withOrigins(changed + text.slice(copied), origins);
  }

  /** Puts `content` in the place of each range; it has the range of the last character that it replaces. */
  replace(ranges: readonly Range[], content: string): AlignedText {
    if (ranges.length === 0) return this;
    checkGrowth(this.text.length, ranges.length * content.length);
    const parts: string[] = [];
    const origins: number[] = [];
    let at = 0;
    const copyTo = (end: number): void => {
      parts.push(this.text.slice(at, end));
      if (this.#starts !== undefined) for (let unit = at; unit < end; unit++) origins.push(unit);
    };
    for (const [start, end] of ranges) {
      copyTo(start);
      parts.push(content);
      if (this.#starts !== undefined) for (let unit = 0; unit < content.length; unit++) origins.push(end - 1);
      at = end;
    }
    copyTo(this.text.length);
    return this.#withOrigins(parts.join(""), origins);
  }

  /** Puts `content` in front; it has the range of the first character. An empty text stays so. */
  prepend(content: string): AlignedText {
    if (this.text === "" || content === "") return this;
    const origins: number[] = [];
    if (this.#starts !== undefined) {
      for (let unit = 0; unit < content.length; unit++) origins.push(0);
      for (let unit = 0; unit < this.text.length; unit++) origins.push(unit);
    }
    return this.#withOrigins(content + this.text, origins);
  }

  /** The result of a normalization form, character by character. */
  transform(changes: readonly Change[]): AlignedText {
    const text = changes.map(({ character }) => character).join("");
    if (this.#starts === undefined) return text === this.text ? this : new AlignedText(text, this.originalStart);
    const origins: number[] = [];
    let at = 0;
    const next = (): void => {
      if (at < this.text.length) at += unitsOf(this.text.codePointAt(at)!);
    };
    for (const { character, change } of changes) {
      const origin = change > 0 ? at - 1 : at;
      for (let unit = 0; unit < character.length; unit++) origins.push(origin);
      if (change <= 0) for (let step = change; step <= 0; step++) next();
    }
    return this.#withOrigins(text, origins);
  }

  /** @param origins - per unit of `text` the unit of this text whose range it takes; -1: the start of the original */
  #withOrigins(text: string, origins: readonly number[]): AlignedText {
    if (this.#starts === undefined) return new AlignedText(text, this.originalStart);
    const starts = new Uint32Array(origins.length);
    const ends = new Uint32Array(origins.length);
    const last = this.#starts.length - 1;
    for (let i = 0; i < origins.length; i++) {
      const origin = Math.min(origins[i]!, last);
      starts[i] = origin < 0 ? this.originalStart : this.#starts[origin]!;
      ends[i] = origin < 0 ? this.originalStart : this.#ends![origin]!;
    }
    return new AlignedText(text, this.originalStart, starts, ends);
  }
}
