import { createHash } from "node:crypto";

/**
 * The set of texts seen so far, as 64-bit hashes in open addressing: 8 bytes per slot, at most 70 % of the slots used, so
 * 11 to 23 bytes per text whatever its length. The hash is the start of SHA-256; that two different texts share one, and
 * the second is lost, has a probability of n^2 / 2^65: one in 3,700 for a hundred million texts.
 */
export class ContentHashSet {
  #slots = new Uint32Array(2 * 1024); // low and high word of each hash; 0, 0 is an empty slot
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns false if the text was there already */
  add(text: string): boolean {
    const digest = createHash("sha256").update(text, "utf8").digest();
    const low = digest.readUInt32LE(0) || 1; // so that no hash looks like an empty slot
    const high = digest.readUInt32LE(4);
    if (!insert(this.#slots, low, high)) return false;
    this.#size++;
    if (this.#size > 0.7 * (this.#slots.length / 2)) this.#grow();
    return true;
  }

  #grow(): void {
    const grown = new Uint32Array(this.#slots.length * 2);
    for (let i = 0; i < this.#slots.length; i += 2) {
      if (this.#slots[i] !== 0) insert(grown, this.#slots[i]!, this.#slots[i + 1]!);
    }
    this.#slots = grown;
  }
}

function insert(slots: Uint32Array, low: number, high: number): boolean {
  const count = slots.length / 2; // a power of two
  for (let slot = low & (count - 1); ; slot = (slot + 1) & (count - 1)) {
    if (slots[2 * slot] === 0) {
      slots[2 * slot] = low;
      slots[2 * slot + 1] = high;
      return true;
    }
    if (slots[2 * slot] === low && slots[2 * slot + 1] === high) return false;
  }
}
