import type { WordList } from "./load-words.ts";

/**
 * A walk over words in ascending order of their bytes, each word once. `bytes` from `start` to `end` and `count` belong to
 * the word that the last `next` came to, and are only valid until the next one.
 */
export interface WordCursor {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
  count: number;
  /** @returns false after the last word */
  next(): boolean;
  /** Lets go of files. May be called more than once. */
  close(): void;
}

/** Below 0 if the first comes first; a start of a word comes before the word. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < length; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}

/** The words of a list that is in order. */
export function listCursor(words: WordList): WordCursor {
  let at = 0;
  return {
    bytes: words.bytes,
    start: 0,
    end: 0,
    count: 0,
    next() {
      if (at === words.counts.length) return false;
      this.start = words.starts[at]!;
      this.end = words.starts[at + 1]!;
      this.count = words.counts[at++]!;
      return true;
    },
    close() {},
  };
}
