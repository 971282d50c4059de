/** A list of token ids that grows without an object per id. */
export class IdBuffer {
  #ids: Uint32Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#ids = new Uint32Array(Math.max(capacity, 16));
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) this.#grow(this.#length + 1);
    this.#ids[this.#length++] = id;
  }

  append(ids: Uint32Array): void {
    if (this.#length + ids.length > this.#ids.length) this.#grow(this.#length + ids.length);
    this.#ids.set(ids, this.#length);
    this.#length += ids.length;
  }

  /** A copy of exactly the ids. */
  toArray(): Uint32Array {
    return this.#ids.slice(0, this.#length);
  }

  #grow(needed: number): void {
    const larger = new Uint32Array(Math.max(needed, this.#ids.length * 2));
    larger.set(this.#ids);
    this.#ids = larger;
  }
}
