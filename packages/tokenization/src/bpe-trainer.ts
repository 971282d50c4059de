/**
 * The byte-pair merges of a corpus, from the counts of its pieces. Gives the merges of the BpeTrainer of Hugging Face
 * tokenizers, in their order: the most frequent pair first; of equally frequent ones that with the smaller left id, then
 * the smaller right id. Every merge makes a new token: a text that stands between two borders of tokens is always cut in
 * the same way, so that no token arises from two different pairs, and no pair arises again after it was merged.
 *
 * Counts are float64 (exact to 2^53), theirs are int32 and overflow.
 */
import { PairTable } from "./pair-table.ts";

export interface MergeTraining {
  /** Pieces as ids of single bytes; merged in place. */
  readonly words: readonly Uint32Array[];
  /** How often each piece occurs. */
  readonly counts: readonly number[];
  /** Tokens there are; the first merge gets the id after them. */
  readonly tokens: readonly string[];
  /** Tokens to end with. */
  readonly vocabSize: number;
  readonly minFrequency: number;
  /** Tokens that no merge may make. */
  readonly reserved: ReadonlySet<string>;
}

export interface TrainedMerges {
  /** By id. */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
}

/** A pair, the count it was queued with, and the words in which it may stand. */
interface QueuedPair {
  count: number;
  readonly pair: number;
  readonly left: number;
  readonly right: number;
  readonly words: readonly number[];
}

/** Yields after each merge the number of tokens, so that the caller can give way; returns the result. */
export function* trainMerges(training: MergeTraining): Generator<number, TrainedMerges, undefined> {
  const { words, counts, minFrequency, reserved, vocabSize } = training;
  const lengths = Uint32Array.from(words, (word) => word.length);
  const tokens = [...training.tokens];
  const pairs = new PairTable(1 << 14);
  const pairCounts: number[] = [];
  const merges: (readonly [string, string])[] = [];
  const queue = new PairQueue();

  let arisen = new Map<number, QueuedPair & { words: number[] }>();
  const change = (left: number, right: number, word: number, by: number): void => {
    const pair = pairs.add(left, right);
    pairCounts[pair] = (pairCounts[pair] ?? 0) + by;
    if (by < 0) return;
    const entry = arisen.get(pair);
    if (entry === undefined) arisen.set(pair, { count: 0, pair, left, right, words: [word] });
    else if (entry.words.at(-1) !== word) entry.words.push(word);
  };
  const queueArisen = (): void => {
    for (const entry of arisen.values()) {
      entry.count = pairCounts[entry.pair]!;
      if (entry.count > 0) queue.push(entry);
    }
    arisen = new Map();
  };

  words.forEach((word, index) => {
    for (let i = 0; i + 1 < word.length; i++) change(word[i]!, word[i + 1]!, index, counts[index]!);
  });
  queueArisen();

  while (tokens.length < vocabSize) {
    const top = queue.pop();
    if (top === undefined) break;
    const count = pairCounts[top.pair]!;
    if (top.count !== count) {
      top.count = count;
      queue.push(top);
      continue;
    }
    if (count < Math.max(1, minFrequency)) break;
    const { left, right } = top;
    const merge = [tokens[left]!, tokens[right]!] as const;
    if (reserved.has(merge[0] + merge[1])) continue;
    const id = tokens.push(merge[0] + merge[1]) - 1;
    merges.push(merge);
    for (const index of top.words) {
      lengths[index] = mergeWord(words[index]!, lengths[index]!, left, right, id, (a, b, times) =>
        change(a, b, index, times * counts[index]!),
      );
    }
    queueArisen();
    yield tokens.length;
  }
  return { tokens, merges };
}

/** Joins every `left right` of a word, from left to right, in place. @returns the new length */
function mergeWord(
  word: Uint32Array,
  length: number,
  left: number,
  right: number,
  id: number,
  change: (left: number, right: number, times: 1 | -1) => void,
): number {
  let to = 0;
  for (let from = 0; from < length; from++) {
    if (word[from] !== left || from + 1 >= length || word[from + 1] !== right) {
      word[to++] = word[from]!;
      continue;
    }
    if (to > 0) {
      change(word[to - 1]!, left, -1);
      change(word[to - 1]!, id, 1);
    }
    from++;
    if (from + 1 < length) {
      change(right, word[from + 1]!, -1);
      change(id, word[from + 1]!, 1);
    }
    word[to++] = id;
  }
  return to;
}

/** The most frequent pair on top. A binary heap; counts may be out of date, and then are too high. */
class PairQueue {
  readonly #items: QueuedPair[] = [];

  push(item: QueuedPair): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): QueuedPair | undefined {
    const items = this.#items;
    const top = items[0];
    const item = items.pop();
    if (top === undefined || item === undefined || items.length === 0) return top;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, item)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
    return top;
  }
}

function before(a: QueuedPair, b: QueuedPair): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}
