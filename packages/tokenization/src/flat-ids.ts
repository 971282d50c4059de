import { IdBuffer } from "./id-buffer.ts";
import type { FlatIds } from "./tokenizer.ts";

/** Puts the ids of texts into one array, one text after the other. */
export class FlatIdsBuilder {
  readonly #ids: IdBuffer;
  readonly #offsets: Uint32Array;
  #texts = 0;
  #length = 0;

  constructor(texts: number, expectedIds: number) {
    this.#ids = new IdBuffer(expectedIds);
    this.#offsets = new Uint32Array(texts + 1);
  }

  push(id: number): void {
    this.#ids.push(id);
    this.#length++;
  }

  append(ids: Uint32Array): void {
    this.#ids.append(ids);
    this.#length += ids.length;
  }

  /** What comes next belongs to the next text. */
  endText(): void {
    this.#offsets[++this.#texts] = this.#length;
  }

  build(): FlatIds {
    return { ids: this.#ids.toArray(), offsets: this.#offsets };
  }
}

/** The ids of one text: a view, not a copy. */
export function textIds({ ids, offsets }: FlatIds, index: number): Uint32Array {
  return ids.subarray(offsets[index], offsets[index + 1]);
}
