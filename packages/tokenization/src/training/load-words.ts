import { TokenizerError } from "../errors.ts";
import type { WordCounts } from "./word-counts.ts";

/** Word i is `bytes` from `starts[i]` to `starts[i + 1]`; the words are in ascending order. */
export interface WordList {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly counts: Float64Array;
}

/**
 * The words in memory, where trainers need them.
 * @throws {TokenizerError} `TOKENIZER_COUNT_OVERFLOW` if a sum over all of them may pass 2^53 - 1
 */
export function loadWords(counts: WordCounts): WordList {
  const words = counts.list ?? readWords(counts);
  let weight = 0;
  words.counts.forEach((count, word) => {
    weight += count * (words.starts[word + 1]! - words.starts[word]!);
  });
  if (weight > Number.MAX_SAFE_INTEGER) refuse(`${weight} bytes in all`, "at most 2^53 - 1");
  return words;
}

function readWords(counts: WordCounts): WordList {
  let bytes = new Uint8Array(1 << 16);
  let starts = new Uint32Array(1 << 12);
  let numbers = new Float64Array(1 << 12);
  let size = 0;
  let used = 0;
  const words = counts.cursor();
  try {
    while (words.next()) {
      const length = words.end - words.start;
      if (used + length > bytes.length) {
        if (used + length > 0xffffffff) refuse(`${used + length} bytes of words`, "at most 2^32 - 1");
        const larger = new Uint8Array(Math.min(0xffffffff, Math.max(used + length, bytes.length * 2)));
        larger.set(bytes);
        bytes = larger;
      }
      if (size + 1 === starts.length) {
        const largerStarts = new Uint32Array(starts.length * 2);
        largerStarts.set(starts);
        starts = largerStarts;
        const largerNumbers = new Float64Array(starts.length);
        largerNumbers.set(numbers);
        numbers = largerNumbers;
      }
      for (let from = words.start; from < words.end; ) bytes[used++] = words.bytes[from++]!;
      numbers[size++] = words.count;
      starts[size] = used;
    }
  } finally {
    words.close();
  }
  return { bytes: bytes.subarray(0, used), starts: starts.subarray(0, size + 1), counts: numbers.subarray(0, size) };
}

function refuse(actual: string, expected: string): never {
  throw new TokenizerError("TOKENIZER_COUNT_OVERFLOW", `the counts: expected ${expected}, got ${actual}`);
}
