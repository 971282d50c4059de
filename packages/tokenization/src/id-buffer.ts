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

  /** The ids of `source` from `start` up to `end`. */
  appendRange(source: Uint32Array, start: number, end: number): void {
    let at = this.#length;
    this.#length += end - start;
    if (this.#length > this.#ids.length) this.#grow(this.#length);
    // Words have few ids: a loop is faster than a view.
    for (let i = start; i < end; i++) this.#ids[at++] = source[i]!;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes ids away from the end. */
  truncate(length: number): void {
    this.#length = Math.min(length, this.#length);
  }

  at(index: number): number {
    return this.#ids[index]!;
  }

  /** A copy of the ids from `start` on. */
  slice(start: number): Uint32Array {
    return this.#ids.slice(start, this.#length);
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
