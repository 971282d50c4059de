/** Words of a corpus as the trainer reads them: characters as small numbers, in the order of their code points. */
export interface CharacterWords {
  /** Code point of each character number. */
  readonly codePoints: Int32Array;
  /** How often each character stands in the corpus. */
  readonly characterCounts: Float64Array;
  /** Characters of all words, one behind the other; `UNCOVERED` for one that gets no token of its own. */
  readonly characters: Int32Array;
  /** Where each word starts in `characters`; one more than there are words. */
  readonly starts: Int32Array;
  /** How often each word stands in the corpus. */
  readonly counts: Float64Array;
}

/** A character that is too rare: no piece contains it. */
export const UNCOVERED = -1;

/** @param characterCoverage - share of the characters of the corpus that get tokens; the most frequent ones, as SentencePiece chooses them */
export function characterWords(
  words: Iterable<readonly [word: string, count: number]>,
  characterCoverage: number,
): CharacterWords {
  const points: number[] = [];
  const starts: number[] = [0];
  const counts: number[] = [];
  const frequency = new Map<number, number>();
  for (const [word, count] of words) {
    for (let i = 0; i < word.length; ) {
      const point = word.codePointAt(i)!;
      i += point > 0xffff ? 2 : 1;
      points.push(point);
      const isSurrogate = point >= 0xd800 && point <= 0xdfff; // that stands alone: no file can hold it
      if (!isSurrogate) frequency.set(point, (frequency.get(point) ?? 0) + count);
    }
    starts.push(points.length);
    counts.push(count);
  }
  const covered = coveredCharacters(frequency, characterCoverage);
  const numbers = new Map(covered.map((point, number) => [point, number]));
  return {
    codePoints: Int32Array.from(covered),
    characterCounts: Float64Array.from(covered, (point) => frequency.get(point)!),
    characters: Int32Array.from(points, (point) => numbers.get(point) ?? UNCOVERED),
    starts: Int32Array.from(starts),
    counts: Float64Array.from(counts),
  };
}

/** Sorted by code point. */
function coveredCharacters(frequency: ReadonlyMap<number, number>, coverage: number): number[] {
  const byFrequency = [...frequency].sort(([a, n], [b, m]) => m - n || a - b);
  const total = byFrequency.reduce((sum, [, count]) => sum + count, 0);
  const covered: number[] = [];
  let sum = 0;
  for (const [point, count] of byFrequency) {
    if (sum / total >= coverage) break;
    sum += count;
    covered.push(point);
  }
  return covered.sort((a, b) => a - b);
}
