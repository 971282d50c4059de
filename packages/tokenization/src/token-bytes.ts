import { unknownId } from "./errors.ts";

/** The bytes of every token of a vocabulary in one block of memory. */
export class TokenBytes {
  readonly size: number;
  readonly #bytes: Uint8Array;
  /** Start of each token; one more at the end. */
  readonly #offsets: Uint32Array;
  readonly #known: Uint8Array;

  /** @param tokens - bytes by id; undefined where a vocabulary has a hole */
  constructor(tokens: readonly (Uint8Array | undefined)[]) {
    this.size = tokens.length;
    this.#offsets = new Uint32Array(tokens.length + 1);
    this.#known = new Uint8Array(tokens.length);
    for (let id = 0; id < tokens.length; id++) {
      this.#offsets[id + 1] = this.#offsets[id]! + (tokens[id]?.length ?? 0);
      this.#known[id] = tokens[id] === undefined ? 0 : 1;
    }
    this.#bytes = new Uint8Array(this.#offsets[tokens.length]!);
    for (let id = 0; id < tokens.length; id++) {
      if (tokens[id] !== undefined) this.#bytes.set(tokens[id]!, this.#offsets[id]!);
    }
  }

  /** A view, not a copy. @throws {TokenizerError} `TOKENIZER_UNKNOWN_ID` */
  of(id: number): Uint8Array {
    if (this.#known[id] !== 1) unknownId(id, this.size);
    return this.#bytes.subarray(this.#offsets[id]!, this.#offsets[id + 1]!);
  }
}
