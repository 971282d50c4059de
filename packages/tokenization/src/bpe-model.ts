/**
 * Byte-pair merges (Sennrich et al. 2016; byte-level: Radford et al. 2019): of all adjacent pairs of a piece the one
 * with the lowest rank is joined, the leftmost first, until none is in the table. A heap of candidates and a linked list
 * make that n log n in the length of the piece, so that a megabyte of one character is not a problem.
 */
import type { IdBuffer } from "./id-buffer.ts";
import type { PairTable } from "./pair-table.ts";
import { detach } from "./string-memory.ts";
import { encodeUtf8 } from "./utf8.ts";

export interface BpeModelParts {
  /** Id of each byte. */
  readonly byteIds: ArrayLike<number>;
  readonly pairs: PairTable;
  /** Rank of each pair of the table, and the id that each rank makes. */
  readonly ranks: ArrayLike<number>;
  readonly results: ArrayLike<number>;
  /** With `ignore_merges`: the id of a piece that is a token as it stands. */
  wholePiece?(bytes: Uint8Array): number | undefined;
}

const CACHED_PIECES = 65_536; // pieces; the cache starts anew when it is full
const CACHED_LENGTH = 32; // UTF-16 units; longer pieces seldom come again
const RANK = 2 ** 32; // a candidate is rank * RANK + position: one float64 that sorts by both

export class BpeModel {
  readonly #parts: BpeModelParts;
  readonly #cache = new Map<string, Uint32Array>();

  constructor(parts: BpeModelParts) {
    this.#parts = parts;
  }

  /** Appends the ids of one piece of text. */
  encode(piece: string, out: IdBuffer): void {
    const cached = this.#cache.get(piece);
    if (cached !== undefined) {
      out.append(cached);
      return;
    }
    const ids = this.#merge(encodeUtf8(piece));
    out.append(ids);
    if (piece.length > CACHED_LENGTH) return;
    if (this.#cache.size >= CACHED_PIECES) this.#cache.clear();
    this.#cache.set(detach(piece), ids);
  }

  /** The same of a piece whose bytes need not be text. */
  encodeBytes(piece: Uint8Array, out: IdBuffer): void {
    out.append(this.#merge(piece));
  }

  #merge(bytes: Uint8Array): Uint32Array {
    const { byteIds, pairs, ranks, results } = this.#parts;
    const whole = this.#parts.wholePiece?.(bytes);
    if (whole !== undefined) return Uint32Array.of(whole);

    const length = bytes.length;
    const symbols = new Int32Array(length); // -1: joined into the symbol before it
    const previous = new Int32Array(length);
    const next = new Int32Array(length); // `length` at the end
    const candidates = new CandidateHeap(3 * length); // one per pair at the start, at most two more per merge
    for (let i = 0; i < length; i++) {
      symbols[i] = byteIds[bytes[i]!]!;
      previous[i] = i - 1;
      next[i] = i + 1;
    }
    const consider = (left: number, right: number): void => {
      const pair = pairs.indexOf(symbols[left]!, symbols[right]!);
      if (pair >= 0) candidates.push(ranks[pair]! * RANK + left);
    };
    for (let i = 0; i + 1 < length; i++) consider(i, i + 1);

    let count = length;
    for (let candidate = candidates.pop(); candidate >= 0; candidate = candidates.pop()) {
      const left = candidate % RANK;
      const result = results[Math.floor(candidate / RANK)]!;
      const right = next[left]!;
      if (symbols[left] === -1 || right === length) continue;
      const pair = pairs.indexOf(symbols[left]!, symbols[right]!);
      if (pair < 0 || results[ranks[pair]!] !== result) continue; // one of the two has changed since
      symbols[left] = result;
      symbols[right] = -1;
      count--;
      const after = next[right]!;
      next[left] = after;
      if (after < length) {
        previous[after] = left;
        consider(left, after);
      }
      if (previous[left]! >= 0) consider(previous[left]!, left);
    }
    const ids = new Uint32Array(count);
    for (let i = 0, at = 0; i < length; i = next[i]!) ids[at++] = symbols[i]!;
    return ids;
  }
}

/** A binary min-heap of numbers with a fixed capacity. */
export class CandidateHeap {
  readonly #items: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#items = new Float64Array(capacity);
  }

  push(value: number): void {
    const items = this.#items;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= value) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = value;
  }

  /** @returns -1 when empty */
  pop(): number {
    if (this.#size === 0) return -1;
    const items = this.#items;
    const top = items[0]!;
    const value = items[--this.#size]!;
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= value) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = value;
    return top;
  }
}
