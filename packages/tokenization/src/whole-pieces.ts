/** Tokens that a piece of text can be as it stands, found by their bytes: a hash table without a string for each piece. */
export class WholePieces {
  readonly #bytes: Uint8Array;
  readonly #offsets: Uint32Array;
  readonly #ids: Uint32Array;
  /** Index of a token plus one, or 0; at least half of the slots are free. */
  readonly #slots: Int32Array;
  readonly #longest: number;

  /** @param tokens.offsets - where each token starts in `bytes`, and one more at the end */
  constructor({ bytes, offsets, ids }: { bytes: Uint8Array; offsets: Uint32Array; ids: Uint32Array }) {
    this.#bytes = bytes;
    this.#offsets = offsets;
    this.#ids = ids;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(16, ids.length * 2))));
    let longest = 0;
    for (let index = 0; index < ids.length; index++) {
      const start = offsets[index]!;
      const length = offsets[index + 1]! - start;
      longest = Math.max(longest, length);
      let slot = this.#firstSlot(bytes, start, length);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = index + 1;
    }
    this.#longest = longest;
  }

  /** The id of the first `length` bytes, or -1 if they are no token. */
  find(bytes: Uint8Array, length: number): number {
    if (length > this.#longest) return -1;
    const mask = this.#slots.length - 1;
    for (let slot = this.#firstSlot(bytes, 0, length); ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (index < 0) return -1;
      if (this.#equals(index, bytes, length)) return this.#ids[index]!;
    }
  }

  #firstSlot(bytes: Uint8Array, start: number, length: number): number {
    let hash = length;
    for (let i = start; i < start + length; i++) hash = Math.imul(hash, 0x01000193) + bytes[i]!;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) & (this.#slots.length - 1);
  }

  #equals(index: number, bytes: Uint8Array, length: number): boolean {
    const start = this.#offsets[index]!;
    if (this.#offsets[index + 1]! - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== bytes[i]) return false;
    return true;
  }
}
