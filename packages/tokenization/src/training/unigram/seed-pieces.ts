import { type CharacterWords, UNCOVERED } from "./character-words.ts";

/** A piece as a place in `CharacterWords.characters`, and how often it stands in the corpus. */
export interface Seed {
  readonly start: number;
  readonly length: number;
  readonly count: number;
}

/**
 * Substrings of words that occur at least twice in the corpus and cannot be made longer without losing an occurrence: the inner nodes of the
 * suffix tree, and the ends of words that occur more than once.
 * The `most` with the largest count times length, best first; ties in the order of code points.
 */
export function seedPieces(words: CharacterWords, maxPieceLength: number, most: number): Seed[] {
  const { characters } = words;
  const reach = reaches(words, maxPieceLength);
  const weights = suffixWeights(words);
  const suffixes = Uint32Array.from(reach.keys()).filter((at) => reach[at]! > 0);
  suffixes.sort((a, b) => compare(characters, reach, a, b));
  const seeds: (Seed & { readonly order: number })[] = [];
  /** Intervals of suffixes with a common prefix, that are still open. */
  const open: { length: number; first: number; count: number }[] = [];
  for (let i = 0, before = 0; i <= suffixes.length; i++) {
    const common =
      i === 0 || i === suffixes.length ? 0 : commonLength(characters, reach, suffixes[i - 1]!, suffixes[i]!);
    let first = i - 1;
    let count = 0;
    if (i > 0) {
      const start = suffixes[i - 1]!;
      const length = reach[start]!;
      count = weights[start]!;
      if (count > 1 && length > 1 && length > Math.max(before, common))
        seeds.push({ start, length, count, order: i - 1 });
    }
    before = common;
    while (open.length > 0 && open.at(-1)!.length > common) {
      const closed = open.pop()!;
      first = closed.first;
      count += closed.count;
      if (closed.length > 1) {
        seeds.push({ start: suffixes[first]!, length: closed.length, count, order: first });
      }
    }
    if (open.length > 0 && open.at(-1)!.length === common) open.at(-1)!.count += count;
    else if (common > 0) open.push({ length: common, first, count });
  }
  seeds.sort((a, b) => b.count * b.length - a.count * a.length || a.order - b.order || a.length - b.length);
  return seeds.slice(0, most).map(({ start, length, count }) => ({ start, length, count }));
}

/** How many characters of a piece may start at each place: to the end of the word, to a character without a token, at most `most`. */
function reaches({ characters, starts }: CharacterWords, most: number): Uint8Array {
  const reach = new Uint8Array(characters.length);
  for (let word = 0; word + 1 < starts.length; word++) {
    let length = 0;
    for (let at = starts[word + 1]! - 1; at >= starts[word]!; at--) {
      length = characters[at] === UNCOVERED ? 0 : Math.min(length + 1, most);
      reach[at] = length;
    }
  }
  return reach;
}

function suffixWeights({ characters, starts, counts }: CharacterWords): Float64Array {
  const weights = new Float64Array(characters.length);
  for (let word = 0; word < counts.length; word++) weights.fill(counts[word]!, starts[word]!, starts[word + 1]!);
  return weights;
}

function commonLength(characters: Int32Array, reach: Uint8Array, a: number, b: number): number {
  const most = Math.min(reach[a]!, reach[b]!);
  let length = 0;
  while (length < most && characters[a + length] === characters[b + length]) length++;
  return length;
}

/** Equal ones in the order of their places, so that the order is total. */
function compare(characters: Int32Array, reach: Uint8Array, a: number, b: number): number {
  const common = commonLength(characters, reach, a, b);
  if (common === reach[a]! || common === reach[b]!) return reach[a]! - reach[b]! || a - b;
  return characters[a + common]! - characters[b + common]!;
}
