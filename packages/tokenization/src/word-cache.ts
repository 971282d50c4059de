/**
 * Ids of words that were encoded before: a hash table over UTF-16 units, without a string or an array for each word. A
 * look-up takes a bounded number of steps whatever the words are; when the table is full it starts anew.
 */
import type { IdBuffer } from "./id-buffer.ts";

const MAX_WORDS = 65_536;
const PROBES = 8; // slots that a word may be in
/** UTF-16 units; longer words seldom come again. */
export const CACHED_LENGTH = 64;

export class WordCache {
  /** Word of each slot plus one, or 0; there are twice as many slots as words. */
  #slots = new Int32Array(1);
  #hashes = new Int32Array(0);
  /** Where the units of each word begin, and after it those of the next; the same for its ids. */
  #unitStarts = new Int32Array(1);
  #idStarts = new Int32Array(1);
  #units = new Uint16Array(256);
  #ids = new Uint32Array(256);
  #words = 0;
  #hash = 0; // of the word that was last looked for

  /** Appends the ids of a word. @returns false if it is not known */
  append(units: Uint16Array, start: number, end: number, out: IdBuffer): boolean {
    let hash = end - start;
    for (let i = start; i < end; i++) hash = Math.imul(hash, 0x01000193) + units[i]!;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
    this.#hash = hash;
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES; probe++) {
      const word = this.#slots[(hash + probe) & mask]! - 1;
      if (!(word >= 0)) return false; // free, or no table yet
      if (this.#hashes[word] !== hash || !this.#equals(word, units, start, end)) continue;
      out.appendRange(this.#ids, this.#idStarts[word]!, this.#idStarts[word + 1]!);
      return true;
    }
    return false;
  }

  /** Remembers the word that `append` has just not found. @param ids - those from `from` on that `out` has are its ids */
  add(units: Uint16Array, start: number, end: number, out: IdBuffer, from: number): void {
    if (this.#words === this.#hashes.length) this.#makeRoom();
    if (!this.#take(this.#hash, this.#words)) return;
    const word = this.#words++;
    this.#hashes[word] = this.#hash;
    const unitStart = this.#unitStarts[word]!;
    const unitEnd = unitStart + end - start;
    if (unitEnd > this.#units.length) this.#units = grown(this.#units, new Uint16Array(unitEnd * 2));
    for (let i = start; i < end; i++) this.#units[unitStart + i - start] = units[i]!;
    this.#unitStarts[word + 1] = unitEnd;
    const idStart = this.#idStarts[word]!;
    const idEnd = idStart + out.length - from;
    if (idEnd > this.#ids.length) this.#ids = grown(this.#ids, new Uint32Array(idEnd * 2));
    for (let i = idStart; i < idEnd; i++) this.#ids[i] = out.at(from + i - idStart);
    this.#idStarts[word + 1] = idEnd;
  }

  #equals(word: number, units: Uint16Array, start: number, end: number): boolean {
    const at = this.#unitStarts[word]!;
    if (this.#unitStarts[word + 1]! - at !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#units[at + i - start] !== units[i]) return false;
    return true;
  }

  #take(hash: number, word: number): boolean {
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (hash + probe) & mask;
      if (this.#slots[slot] !== 0) continue;
      this.#slots[slot] = word + 1;
      return true;
    }
    return false; // too many words of about the same hash: this one is not kept
  }

  #makeRoom(): void {
    if (this.#words === MAX_WORDS) {
      this.#words = 0;
      this.#slots.fill(0);
      return;
    }
    const size = Math.max(1024, this.#words * 2);
    this.#slots = new Int32Array(size * 2);
    this.#hashes = grown(this.#hashes, new Int32Array(size));
    this.#unitStarts = grown(this.#unitStarts, new Int32Array(size + 1));
    this.#idStarts = grown(this.#idStarts, new Int32Array(size + 1));
    for (let word = 0; word < this.#words; word++) this.#take(this.#hashes[word]!, word);
  }
}

function grown<Table extends Int32Array | Uint16Array | Uint32Array>(table: Table, larger: Table): Table {
  larger.set(table);
  return larger;
}
