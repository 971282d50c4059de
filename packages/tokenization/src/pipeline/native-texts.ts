import { FlatIdsBuilder, textIds } from "../flat-ids.ts";
import { IdBuffer } from "../id-buffer.ts";
import type { NativeTextEncoder } from "../native/word-piece-binding.ts";
import type { FlatIds } from "../tokenizer.ts";

/** Texts with added tokens in them through a native encoder, which knows of none. */
export class NativeTexts {
  readonly #encoder: NativeTextEncoder;
  readonly #split: (text: string) => readonly (string | number)[];
  readonly #encodeHere: (text: string) => Uint32Array;

  /**
   * @param split - text between added tokens, and the ids of those
   * @param encodeHere - for a whole text that the native encoder leaves
   */
  constructor(
    encoder: NativeTextEncoder,
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
      return this.#encoder.encode(parts[0]) ?? this.#encodeHere(text);
    }
    const ids = new IdBuffer(text.length >> 1);
    for (const part of parts) {
      if (typeof part === "number") {
        ids.push(part);
        continue;
      }
      const encoded = this.#encoder.encode(part);
      if (encoded === null) return this.#encodeHere(text);
      ids.append(encoded);
    }
    return ids.toArray();
  }

  encodeBatch(texts: readonly string[], threads: number): FlatIds {
    const split = texts.map(this.#split);
    const parts = split.flat().filter((part) => typeof part === "string");
    const encoded = this.#encoder.encodeBatch(parts, threads);
    const isWhole = split.every(({ length, 0: part }) => length === 1 && typeof part === "string");
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
}

function hasAny(numbers: ReadonlySet<number>, start: number, end: number): boolean {
  for (let number = start; number < end; number++) if (numbers.has(number)) return true;
  return false;
}
