import { FlatIdsBuilder, textIds } from "../flat-ids.ts";
import { IdBuffer } from "../id-buffer.ts";
import type { NativeBatch } from "../native/unigram-binding.ts";
import type { FlatIds } from "../tokenizer.ts";

/** Ids of whole texts, unless a text needs what only the TypeScript code does. */
export interface WholeTextEncoder {
  /** Whether it matters if a text stands at the start of what was asked for. */
  readonly asksForStart?: boolean;
  /** @returns null for a text that it leaves */
  encode(text: string, isFirst: boolean): Uint32Array | null;
  /** Of texts that stand at the start. */
  encodeBatch(texts: readonly string[], threads: number): NativeBatch;
}

/** Texts with added tokens in them through a native encoder, which knows of none. */
export class NativeTexts {
  readonly #encoder: WholeTextEncoder;
  readonly #split: (text: string) => readonly (string | number)[];
  readonly #encodeHere: (text: string) => Uint32Array;

  /**
   * @param split - text between added tokens, and the ids of those
   * @param encodeHere - for a whole text that the native encoder leaves
   */
  constructor(
    encoder: WholeTextEncoder,
    split: (text: string) => readonly (string | number)[],
    encodeHere: (text: string) => Uint32Array,
  ) {
    this.#encoder = encoder;
    this.#split = split;
    this.#encodeHere = encodeHere;
  }

  encode(text: string): Uint32Array {
    const parts = this.#split(text);
    if (parts.length === 1 && typeof parts[0] === "string") {
      return this.#encoder.encode(parts[0], true) ?? this.#encodeHere(text);
    }
    const ids = new IdBuffer(text.length >> 1);
    for (const [index, part] of parts.entries()) {
      if (typeof part === "number") {
        ids.push(part);
        continue;
      }
      const encoded = this.#encoder.encode(part, index === 0);
      if (encoded === null) return this.#encodeHere(text);
      ids.append(encoded);
    }
    return ids.toArray();
  }

  encodeBatch(texts: readonly string[], threads: number): FlatIds {
    const split = texts.map(this.#split);
    const isWhole = split.every(({ length, 0: part }) => length === 1 && typeof part === "string");
    if (!isWhole && this.#encoder.asksForStart) return this.#encodeEach(texts);
    const parts = split.flat().filter((part) => typeof part === "string");
    const encoded = this.#encoder.encodeBatch(parts, threads);
    if (isWhole && encoded.left.length === 0) return { ids: encoded.ids, offsets: encoded.offsets };
    const left = new Set(encoded.left);
    const flat = new FlatIdsBuilder(texts.length, encoded.ids.length + 64);
    let at = 0;
    split.forEach((text, index) => {
      const first = at;
      for (const part of text) if (typeof part === "string") at++;
      let next = first;
      if (left.size > 0 && hasAny(left, first, at)) flat.append(this.#encodeHere(texts[index]!));
      else for (const part of text) typeof part === "number" ? flat.push(part) : flat.append(textIds(encoded, next++));
      flat.endText();
    });
    return flat.build();
  }

  #encodeEach(texts: readonly string[]): FlatIds {
    const flat = new FlatIdsBuilder(texts.length, 64 * texts.length);
    for (const text of texts) {
      flat.append(this.encode(text));
      flat.endText();
    }
    return flat.build();
  }
}

function hasAny(numbers: ReadonlySet<number>, start: number, end: number): boolean {
  for (let number = start; number < end; number++) if (numbers.has(number)) return true;
  return false;
}
