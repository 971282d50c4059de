import type { WordList } from "./load-words.ts";

/** Stands for a character outside the alphabet: no merge reaches over it. */
export const BREAK = 0xffffffff;

export interface AlphabetOptions {
  /** Share of all characters that the alphabet covers: the rarest are left out. */
  readonly characterCoverage: number;
  /** Characters at most. */
  readonly limitAlphabet: number;
}

/**
 * The code points of the words, ascending. Of those that are equally frequent the smaller ones stay. A surrogate that
 * stands alone is no character: no file could name it.
 */
export function wordAlphabet(words: WordList, { characterCoverage, limitAlphabet }: AlphabetOptions): number[] {
  const counts = new Map<number, number>();
  let total = 0;
  forEachCodePoint(words, (point, word) => {
    if (isSurrogate(point)) return;
    const count = words.counts[word]!;
    counts.set(point, (counts.get(point) ?? 0) + count);
    total += count;
  });
  const byCount = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const kept: number[] = [];
  let covered = 0;
  for (const [point, count] of byCount) {
    // As in SentencePiece: the share is looked at before a character is added.
    if (kept.length === limitAlphabet || covered / total >= characterCoverage) break;
    kept.push(point);
    covered += count;
  }
  return kept.sort((a, b) => a - b);
}

/**
 * The words as ids of characters, `BREAK` for those outside the alphabet.
 * @param idOf - id of a character, given whether it begins its word
 */
export function wordSymbols(
  words: WordList,
  idOf: (point: number, first: boolean) => number | undefined,
): { symbols: Uint32Array; starts: Uint32Array } {
  let length = 0;
  for (const byte of words.bytes) if ((byte & 0xc0) !== 0x80) length++;
  const symbols = new Uint32Array(length);
  const starts = new Uint32Array(words.starts.length);
  let at = 0;
  forEachCodePoint(words, (point, word, first) => {
    symbols[at++] = idOf(point, first) ?? BREAK;
    starts[word + 1] = at;
  });
  return { symbols, starts };
}

function forEachCodePoint(words: WordList, visit: (point: number, word: number, first: boolean) => void): void {
  const { bytes, starts } = words;
  for (let word = 0; word + 1 < starts.length; word++) {
    const start = starts[word]!;
    const end = starts[word + 1]!;
    for (let at = start; at < end; ) {
      const first = at === start;
      const lead = bytes[at++]!;
      let point = lead < 0x80 ? lead : lead < 0xe0 ? lead & 0x1f : lead < 0xf0 ? lead & 0x0f : lead & 0x07;
      while (at < end && (bytes[at]! & 0xc0) === 0x80) point = (point << 6) | (bytes[at++]! & 0x3f);
      visit(point, word, first);
    }
  }
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff;
}
