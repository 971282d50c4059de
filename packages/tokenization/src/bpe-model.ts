/**
 * Byte-pair merges (Sennrich et al. 2016; byte-level: Radford et al. 2019): of all adjacent pairs of a piece the one
 * with the lowest rank is joined, the leftmost first, until none is in the table.
 *
 * A long piece is merged in blocks, in time in proportion to its length. What two blocks become side by side is what they
 * become alone if the last token of the one and the first of the other stay as they are when they alone are merged: for
 * as long as no merge goes across the border, each side does what it does alone, and the first one that did would also be
 * the first among those two tokens. Where they do not stay, some tokens around the border are merged together, until
 * those at both ends stay.
 */
import { CandidateHeap } from "./candidate-heap.ts";
import type { IdBuffer } from "./id-buffer.ts";
import { MergeTable, NO_RANK } from "./merge-table.ts";

/** What a byte-level BPE is made of. */
export interface BpeModelParts {
  /** Id of each byte. */
  readonly byteIds: Uint32Array;
  /** Left id (or `DROPPED`), right id and result for each rank, one after the other. Of a pair that comes twice the last counts. */
  readonly merges: Uint32Array;
}

const BLOCK = 48; // bytes; a block is merged by looking at all its pairs again and again
const WINDOW = 512; // bytes at most that are merged so
const LARGE = 96; // bytes; results of merging as many around a border are remembered, for text that repeats itself
const LARGE_REMEMBERED = 256;
const RANK = 2 ** 32; // a candidate is rank * RANK + position: one float64 that sorts by both
const REMEMBERED = 1024; // pairs

export class BpeModel {
  readonly #byteIds: Uint32Array;
  readonly #merges: Uint32Array;
  readonly #table: MergeTable;
  /** Bytes of each token. */
  readonly #lengths: Uint16Array;
  /** What `#mergeShort` works on. */
  readonly #symbols = new Uint32Array(WINDOW);
  readonly #ranks = new Int32Array(WINDOW);
  /** The block, and what is put in the place of tokens around its start. */
  readonly #block = new Uint32Array(WINDOW);
  readonly #window = new Uint32Array(WINDOW);
  readonly #windows = new Map<string, Uint32Array>();
  /** Pairs of tokens that were looked at by `#staysApart`: left, right, result. */
  readonly #pairs = new Int32Array(3 * REMEMBERED).fill(-1);

  constructor({ byteIds, merges }: BpeModelParts) {
    this.#byteIds = byteIds;
    this.#merges = merges;
    this.#table = new MergeTable(merges);
    this.#lengths = tokenLengths(byteIds, merges);
  }

  /** Appends the ids of the first `length` bytes. */
  encode(bytes: Uint8Array, length: number, out: IdBuffer): void {
    if (length <= BLOCK) {
      const count = this.#mergeShort(bytes, 0, length);
      out.appendRange(this.#symbols, 0, count);
      return;
    }
    const from = out.length;
    for (let start = 0; start < length; ) {
      let end = Math.min(start + BLOCK, length);
      if (end < length) while ((bytes[end]! & 0xc0) === 0x80 && end > start + BLOCK - 4) end--; // between characters
      const count = this.#mergeShort(bytes, start, end);
      if (start === 0) out.appendRange(this.#symbols, 0, count);
      else if (!this.#join(bytes, start, count, out, from)) {
        out.truncate(from);
        this.#mergeLong(bytes, length, out);
        return;
      }
      start = end;
    }
  }

  /** Appends the block that begins at `border`. @returns false if too many tokens around it would have to change */
  #join(bytes: Uint8Array, border: number, count: number, out: IdBuffer, from: number): boolean {
    const block = this.#block;
    block.set(this.#symbols.subarray(0, count));
    if (this.#staysApart(bytes, border, out.at(out.length - 1), block[0]!)) {
      out.appendRange(block, 0, count);
      return true;
    }
    for (let tokens = 2; ; tokens *= 2) {
      const before = Math.min(tokens, out.length - from);
      const after = Math.min(tokens, count);
      let start = border;
      for (let i = 1; i <= before; i++) start -= this.#lengths[out.at(out.length - i)]!;
      let end = border;
      for (let i = 0; i < after; i++) end += this.#lengths[block[i]!]!;
      if (end - start > WINDOW) return false;
      const key = end - start < LARGE ? undefined : `${out.slice(out.length - before)} ${block.subarray(0, after)}`;
      const merged = this.#mergeWindow(bytes, start, end, key);
      const staysBefore =
        before === out.length - from ||
        this.#staysApart(bytes, start, out.at(out.length - before - 1), this.#window[0]!);
      if (!staysBefore) continue;
      if (after < count && !this.#staysApart(bytes, end, this.#window[merged - 1]!, block[after]!)) continue;
      out.truncate(out.length - before);
      out.appendRange(this.#window, 0, merged);
      out.appendRange(block, after, count);
      return true;
    }
  }

  /** Puts what bytes around a border become into `#window`. @param key - the tokens that they were */
  #mergeWindow(bytes: Uint8Array, start: number, end: number, key: string | undefined): number {
    const known = key === undefined ? undefined : this.#windows.get(key);
    if (known !== undefined) {
      this.#window.set(known);
      return known.length;
    }
    const merged = this.#mergeShort(bytes, start, end);
    this.#window.set(this.#symbols.subarray(0, merged));
    if (key !== undefined) {
      if (this.#windows.size >= LARGE_REMEMBERED) this.#windows.clear();
      this.#windows.set(key, this.#window.slice(0, merged));
    }
    return merged;
  }

  /** Whether two tokens, of which one ends and one begins at `border`, are what their bytes become together. */
  #staysApart(bytes: Uint8Array, border: number, left: number, right: number): boolean {
    const at = 3 * ((Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) & (REMEMBERED - 1));
    if (this.#pairs[at] === left && this.#pairs[at + 1] === right) return this.#pairs[at + 2] === 1;
    const start = border - this.#lengths[left]!;
    const end = border + this.#lengths[right]!;
    if (end - start > WINDOW) return false;
    const stays = this.#mergeShort(bytes, start, end) === 2 && this.#symbols[0] === left && this.#symbols[1] === right;
    this.#pairs[at] = left;
    this.#pairs[at + 1] = right;
    this.#pairs[at + 2] = stays ? 1 : 0;
    return stays;
  }

  /** Merges at most WINDOW bytes. @returns how many tokens there are in `#symbols` */
  #mergeShort(bytes: Uint8Array, start: number, end: number): number {
    const symbols = this.#symbols;
    const ranks = this.#ranks;
    const table = this.#table;
    let count = end - start;
    for (let i = 0; i < count; i++) symbols[i] = this.#byteIds[bytes[start + i]!]!;
    let pairs = count - 1;
    for (let i = 0; i < pairs; i++) ranks[i] = table.rank(symbols[i]!, symbols[i + 1]!);
    for (;;) {
      let best = NO_RANK;
      let at = -1;
      for (let i = 0; i < pairs; i++) {
        if (ranks[i]! < best) {
          best = ranks[i]!;
          at = i;
        }
      }
      if (at < 0) return count;
      symbols[at] = this.#merges[3 * best + 2]!;
      count--;
      pairs--;
      for (let i = at + 1; i < count; i++) {
        symbols[i] = symbols[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      if (at < pairs) ranks[at] = table.rank(symbols[at]!, symbols[at + 1]!);
      if (at > 0) ranks[at - 1] = table.rank(symbols[at - 1]!, symbols[at]!);
    }
  }

  /** With a heap of candidates and a linked list: n log n, whatever the merges are. */
  #mergeLong(bytes: Uint8Array, length: number, out: IdBuffer): void {
    const symbols = new Int32Array(length); // -1: joined into the symbol before it
    const previous = new Int32Array(length);
    const next = new Int32Array(length); // `length` at the end
    const candidates = new CandidateHeap(3 * length); // one per pair at the start, at most two more per merge
    for (let i = 0; i < length; i++) {
      symbols[i] = this.#byteIds[bytes[i]!]!;
      previous[i] = i - 1;
      next[i] = i + 1;
    }
    const consider = (left: number, right: number): void => {
      const rank = this.#table.rank(symbols[left]!, symbols[right]!);
      if (rank !== NO_RANK) candidates.push(rank * RANK + left);
    };
    for (let i = 0; i + 1 < length; i++) consider(i, i + 1);

    for (let candidate = candidates.pop(); candidate >= 0; candidate = candidates.pop()) {
      const left = candidate % RANK;
      const rank = Math.floor(candidate / RANK);
      const right = next[left]!;
      if (symbols[left] === -1 || right === length) continue;
      if (this.#table.rank(symbols[left]!, symbols[right]!) !== rank) continue; // one of the two has changed since
      symbols[left] = this.#merges[3 * rank + 2]!;
      symbols[right] = -1;
      const after = next[right]!;
      next[left] = after;
      if (after < length) {
        previous[after] = left;
        consider(left, after);
      }
      if (previous[left]! >= 0) consider(previous[left]!, left);
    }
    for (let i = 0; i < length; i = next[i]!) out.push(symbols[i]!);
  }
}

const UNKNOWN = 0xffff; // more than WINDOW: a piece with such a token is not merged in blocks

/** Bytes of each token that bytes and merges make. */
function tokenLengths(byteIds: Uint32Array, merges: Uint32Array): Uint16Array {
  let largest = 0;
  for (const id of byteIds) largest = Math.max(largest, id);
  for (let at = 2; at < merges.length; at += 3) largest = Math.max(largest, merges[at]!);
  const lengths = new Uint16Array(largest + 1).fill(UNKNOWN);
  for (const id of byteIds) lengths[id] = 1;
  for (let at = 0; at < merges.length; at += 3) {
    const sum = (lengths[merges[at]!] ?? UNKNOWN) + (lengths[merges[at + 1]!] ?? UNKNOWN);
    // A token of a dropped merge, or whose parts are made by later merges, stays unknown.
    lengths[merges[at + 2]!] = Math.min(sum, lengths[merges[at + 2]!]!);
  }
  return lengths;
}
