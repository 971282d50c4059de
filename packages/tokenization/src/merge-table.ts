/** At this left id of a merge nothing merges. */
export const DROPPED = 0xffffffff;

/** Which pairs of ids merge, with what rank and into what: a hash table whose entries lie in one cache line each. */
export class MergeTable {
  /** Left id, right id and rank (and nothing), one slot after the other; a left id of -1 marks a free slot. */
  readonly #slots: Int32Array;
  readonly #mask: number;

  /** @param merges - left id (or DROPPED), right id and result for each rank; of a pair that comes twice the last counts */
  constructor(merges: Uint32Array) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, (merges.length / 3) * 2)));
    this.#mask = 4 * (capacity - 1);
    this.#slots = new Int32Array(4 * capacity).fill(-1);
    for (let rank = 0; 3 * rank < merges.length; rank++) {
      const left = merges[3 * rank]!;
      const right = merges[3 * rank + 1]!;
      if (left === DROPPED) continue;
      const slot = this.#slotOf(left, right);
      this.#slots[slot] = left;
      this.#slots[slot + 1] = right;
      this.#slots[slot + 2] = rank;
      this.#slots[slot + 3] = merges[3 * rank + 2]!;
    }
  }

  /** @returns NO_RANK for a pair that does not merge */
  rank(left: number, right: number): number {
    const slot = this.#slotOf(left, right);
    return this.#slots[slot] === -1 ? NO_RANK : this.#slots[slot + 2]!;
  }

  /** Where the pair is, or would go. At least half of the slots are free, so the search ends. */
  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = ((hash ^ (hash >>> 13)) << 2) & this.#mask;
    while (slots[slot] !== -1 && (slots[slot] !== left || slots[slot + 1] !== right)) slot = (slot + 4) & this.#mask;
    return slot;
  }
}

export const NO_RANK = 0x7fffffff;
