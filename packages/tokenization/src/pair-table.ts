/** Ids are below 2^26, so that a pair of them is an exact float64. */
export const MAX_TOKEN_IDS = 2 ** 26;

/** Numbers pairs of token ids in the order in which they are added: an open-addressing hash table without objects. */
export class PairTable {
  #keys: Float64Array;
  #indices: Int32Array;
  #size = 0;

  constructor(expectedSize = 1024) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, expectedSize * 2)));
    this.#keys = new Float64Array(capacity).fill(-1);
    this.#indices = new Int32Array(capacity);
  }

  /** @returns -1 if the pair is not there */
  indexOf(left: number, right: number): number {
    const slot = this.#slot(left, right);
    return this.#keys[slot] === -1 ? -1 : this.#indices[slot]!;
  }

  /** The pair's index; a new pair gets the next free one. */
  add(left: number, right: number): number {
    let slot = this.#slot(left, right);
    if (this.#keys[slot] !== -1) return this.#indices[slot]!;
    if (this.#size * 2 >= this.#keys.length) {
      this.#grow();
      slot = this.#slot(left, right);
    }
    this.#keys[slot] = left * MAX_TOKEN_IDS + right;
    this.#indices[slot] = this.#size;
    return this.#size++;
  }

  /** Where the pair is, or would go. At least half of the slots are free, so the search ends. */
  #slot(left: number, right: number): number {
    const key = left * MAX_TOKEN_IDS + right;
    const mask = this.#keys.length - 1;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    while (this.#keys[slot] !== key && this.#keys[slot] !== -1) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const keys = this.#keys;
    const indices = this.#indices;
    this.#keys = new Float64Array(keys.length * 2).fill(-1);
    this.#indices = new Int32Array(keys.length * 2);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (key === -1) continue;
      const slot = this.#slot(Math.floor(key / MAX_TOKEN_IDS), key % MAX_TOKEN_IDS);
      this.#keys[slot] = key;
      this.#indices[slot] = indices[i]!;
    }
  }
}
