import { TokenizerError } from "../errors.ts";
import { decodeUtf8 } from "../utf8.ts";
import { compareBytes, type WordCursor } from "./word-cursor.ts";

/** Of sorting: the order, and the two arrays that V8 sorts it in. */
const SORT_BYTES = 4 + 2 * 8;
const NONE = -1;

/**
 * Words and how often each occurs: the bytes of all words in one arena, found through an open-addressing hash table.
 * Everything lies in typed arrays, so that the memory it takes is known to the byte, and has a limit.
 */
export class WordTable {
  readonly #limitBytes: number;
  #bytes = new Uint8Array(1 << 12);
  #starts = new Uint32Array(129); // of word i to its end, where word i + 1 starts
  #counts = new Float64Array(128);
  #hashes = new Uint32Array(128);
  #slots = new Int32Array(256).fill(NONE);
  #size = 0;

  /** @param limitBytes - of memory, what sorting takes included; a few kilobytes are taken in any case */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds to the count of a word. @returns false if there is no room for it; nothing has changed then */
  add(word: Uint8Array, start: number, end: number, count: number): boolean {
    const hash = hashBytes(word, start, end);
    let slot = this.#slot(hash, word, start, end);
    const known = this.#slots[slot]!;
    if (known !== NONE) {
      this.#counts[known] = addCounts(this.#counts[known]!, count, word, start, end);
      return true;
    }
    const used = this.#starts[this.#size]!;
    const needed = used + end - start;
    if (needed > this.#bytes.length && !this.#growBytes(needed)) return false;
    if (this.#size === this.#counts.length) {
      if (!this.#growEntries()) return false;
      slot = this.#slot(hash, word, start, end);
    }
    // `set` takes a view and with it an object; most words are shorter than that is worth.
    for (let from = start, to = used; from < end; ) this.#bytes[to++] = word[from++]!;
    this.#slots[slot] = this.#size;
    this.#hashes[this.#size] = hash;
    this.#counts[this.#size++] = count;
    this.#starts[this.#size] = needed;
    return true;
  }

  /** Forgets all words; the memory is kept for the next ones. */
  clear(): void {
    this.#size = 0;
    this.#slots.fill(NONE);
  }

  /** The words in ascending order of their bytes. The table must not change meanwhile. */
  cursor(): WordCursor {
    const bytes = this.#bytes;
    const starts = this.#starts;
    const counts = this.#counts;
    const order = Uint32Array.from({ length: this.#size }, (_, index) => index);
    order.sort((a, b) => compareBytes(bytes, starts[a]!, starts[a + 1]!, bytes, starts[b]!, starts[b + 1]!));
    let at = 0;
    return {
      bytes,
      start: 0,
      end: 0,
      count: 0,
      next() {
        if (at === order.length) return false;
        const index = order[at++]!;
        this.start = starts[index]!;
        this.end = starts[index + 1]!;
        this.count = counts[index]!;
        return true;
      },
      close() {},
    };
  }

  /** Where the word is, or would go. At most half of the slots are taken, so the search ends. */
  #slot(hash: number, word: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]!;
      if (index === NONE) return slot;
      if (this.#hashes[index] !== hash) continue;
      const from = this.#starts[index]!;
      if (this.#starts[index + 1]! - from !== end - start) continue;
      let same = 0;
      while (same < end - start && this.#bytes[from + same] === word[start + same]) same++;
      if (same === end - start) return slot;
    }
  }

  #memoryBytes(): number {
    const { length } = this.#counts;
    return this.#bytes.length + 4 * this.#slots.length + length * (4 + 8 + 4 + SORT_BYTES);
  }

  /** While an array grows, the old one and the new one are both there. */
  #hasRoomFor(newBytes: number): boolean {
    return this.#memoryBytes() + newBytes <= this.#limitBytes;
  }

  #growBytes(needed: number): boolean {
    const length = Math.max(needed, this.#bytes.length * 2);
    if (length > 0xffffffff || !this.#hasRoomFor(length)) return false;
    const bytes = new Uint8Array(length);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  #growEntries(): boolean {
    const capacity = this.#counts.length * 2;
    if (!this.#hasRoomFor(capacity * (4 + 8 + 4 + 8 + SORT_BYTES))) return false;
    const starts = new Uint32Array(capacity + 1);
    const counts = new Float64Array(capacity);
    const hashes = new Uint32Array(capacity);
    starts.set(this.#starts);
    counts.set(this.#counts);
    hashes.set(this.#hashes);
    const slots = new Int32Array(capacity * 2).fill(NONE);
    const mask = slots.length - 1;
    for (let index = 0; index < this.#size; index++) {
      let slot = hashes[index]! & mask;
      while (slots[slot] !== NONE) slot = (slot + 1) & mask;
      slots[slot] = index;
    }
    this.#starts = starts;
    this.#counts = counts;
    this.#hashes = hashes;
    this.#slots = slots;
    return true;
  }
}

/** @throws {TokenizerError} `TOKENIZER_COUNT_OVERFLOW` past 2^53 - 1, where numbers stop being exact */
export function addCounts(a: number, b: number, word: Uint8Array, start: number, end: number): number {
  const sum = a + b;
  if (sum <= Number.MAX_SAFE_INTEGER) return sum;
  throw new TokenizerError(
    "TOKENIZER_COUNT_OVERFLOW",
    `the count of ${JSON.stringify(decodeUtf8(word.subarray(start, Math.min(end, start + 40))))}: expected at most 2^53 - 1, got ${a} + ${b}`,
  );
}

/** FNV-1a, and a mix at the end, because the table looks at the low bits. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
