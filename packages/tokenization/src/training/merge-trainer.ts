/**
 * The merges of a corpus, from the counts of its words. Gives the merges of the BpeTrainer of Hugging Face tokenizers, in
 * their order: the most frequent pair first; of equally frequent ones that with the smaller left id, then the smaller right
 * id. A text that stands between two borders of tokens is cut in one way, so that no token arises from two different pairs;
 * only with a prefix of continuing tokens can two pairs make one name ("#" + "##" and the character "#" after a prefix
 * "##"), and then share its id.
 *
 * Counts are float64 (the caller sees to it that sums stay below 2^53), theirs are int32 and overflow.
 */
import { PairTable } from "../pair-table.ts";
import { BREAK } from "./alphabet.ts";

export interface MergeTraining {
  /** The words as ids of `tokens`, or as bytes, of which `byteIds` has the ids; no merge reaches over a `BREAK`. */
  readonly symbols: Uint32Array | Uint8Array;
  readonly byteIds?: Uint32Array;
  /** Word i is `symbols` from `starts[i]` to `starts[i + 1]`. */
  readonly starts: Uint32Array;
  /** How often each word occurs. */
  readonly counts: Float64Array;
  /** Tokens there are; the first merge gets the id after them. */
  readonly tokens: readonly string[];
  /** Tokens to end with. */
  readonly vocabSize: number;
  readonly minFrequency: number;
  /** Tokens that no merge may make. */
  readonly reserved: ReadonlySet<string>;
  /** What tokens inside a word begin with ("##"); it is dropped from the right one of a pair. */
  readonly continuingPrefix?: string;
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
  const { starts, counts, minFrequency, reserved, vocabSize, continuingPrefix = "" } = training;
  const symbols = symbolIds(training); // merged in place
  const ends = starts.slice(1);
  const tokens = [...training.tokens];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const pairs = new PairTable(1 << 14);
  const pairCounts: number[] = [];
  const merges: (readonly [string, string])[] = [];
  const queue = new PairQueue();

  let arisen = new Map<number, QueuedPair & { words: number[] }>();
  const change = (left: number, right: number, word: number, by: number): void => {
    if (left === BREAK || right === BREAK) return;
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

  counts.forEach((count, word) => {
    for (let i = starts[word]!; i + 1 < ends[word]!; i++) change(symbols[i]!, symbols[i + 1]!, word, count);
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
    const token = joinTokens(...merge, continuingPrefix);
    if (reserved.has(token)) continue;
    const id = ids.get(token) ?? tokens.push(token) - 1;
    ids.set(token, id);
    merges.push(merge);
    for (const word of top.words) {
      ends[word] = mergeWord(symbols, starts[word]!, ends[word]!, left, right, id, (a, b, times) =>
        change(a, b, word, times * counts[word]!),
      );
    }
    queueArisen();
    yield tokens.length;
  }
  return { tokens, merges };
}

function symbolIds({ symbols, byteIds }: MergeTraining): Uint32Array {
  const ids = new Uint32Array(symbols);
  if (byteIds !== undefined) for (let i = 0; i < ids.length; i++) ids[i] = byteIds[ids[i]!]!;
  return ids;
}

/** The name of the token that a merge makes. */
export function joinTokens(left: string, right: string, continuingPrefix: string): string {
  const continues = continuingPrefix !== "" && right.startsWith(continuingPrefix);
  return left + (continues ? right.slice(continuingPrefix.length) : right);
}

/** Joins every `left right` of a word, from left to right, in place. @returns the new end */
function mergeWord(
  symbols: Uint32Array,
  start: number,
  end: number,
  left: number,
  right: number,
  id: number,
  change: (left: number, right: number, times: 1 | -1) => void,
): number {
  let to = start;
  for (let from = start; from < end; from++) {
    if (symbols[from] !== left || from + 1 >= end || symbols[from + 1] !== right) {
      symbols[to++] = symbols[from]!;
      continue;
    }
    if (to > start) {
      change(symbols[to - 1]!, left, -1);
      change(symbols[to - 1]!, id, 1);
    }
    from++;
    if (from + 1 < end) {
      change(right, symbols[from + 1]!, -1);
      change(id, symbols[from + 1]!, 1);
    }
    symbols[to++] = id;
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
