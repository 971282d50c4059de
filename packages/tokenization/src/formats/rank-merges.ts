/**
 * Formats without a merge list (SentencePiece, tiktoken) merge any two neighbours whose union is a token, the token of the lowest rank first.
 * That is what a list of merges does exactly if its tokens come in the order of their ranks, and either the list has every cut of every token, or
 * every token comes out of its own text: two parts of a token that are no merge can then never stand side by side, for if they did, the text of
 * the token alone would end as these two parts (what becomes of a stretch of text in byte-pair encoding does not depend on what is around it as
 * long as nothing merges across its ends).
 */
export interface RankedVocabulary {
  /** Tokens that merge, by rank: single characters or bytes, and what merges make. */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
  /** The characters or bytes of a token. */
  readonly split: (token: string) => readonly string[];
  /** The merges that the format would make of the tokens. */
  readonly rebuilt: readonly (readonly [string, string])[];
}

/** What keeps ranks from doing what the merges do; undefined if nothing does. */
export function rankObstacle({ tokens, merges, split, rebuilt }: RankedVocabulary): string | undefined {
  if (
    merges.length === rebuilt.length &&
    merges.every(([left, right], index) => left === rebuilt[index]![0] && right === rebuilt[index]![1])
  )
    return undefined;
  const rankOf = new Map(tokens.map((token, rank) => [token, rank]));
  let previous = -1;
  for (const [index, [left, right]] of merges.entries()) {
    const rank = rankOf.get(left + right);
    if (rank === undefined)
      return `model.merges[${index}]: expected to make a token that is not special, makes ${JSON.stringify(left + right)}`;
    if (rank < previous)
      return `model.merges[${index}]: expected merges in the order of the tokens that they make, ${JSON.stringify(left + right)} comes after a later one`;
    previous = rank;
  }
  const ranks = new Map<string, Map<string, number>>();
  merges.forEach(([left, right], rank) => {
    let byRight = ranks.get(left);
    if (byRight === undefined) {
      byRight = new Map();
      ranks.set(left, byRight);
    }
    byRight.set(right, rank);
  });
  for (const token of tokens) {
    const parts = merged(split(token), (left, right) => ranks.get(left)?.get(right));
    if (parts.length > 1)
      return `token ${JSON.stringify(token)}: expected the merges to make it of its own text, they make ${parts.map((part) => JSON.stringify(part)).join(" ")}`;
  }
  return undefined;
}

/** Byte-pair encoding of one token, whose length is bounded. */
function merged(parts: readonly string[], rankOf: (left: string, right: string) => number | undefined): string[] {
  const symbols = [...parts];
  for (;;) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let at = 0; at + 1 < symbols.length; at++) {
      const rank = rankOf(symbols[at]!, symbols[at + 1]!);
      if (rank !== undefined && rank < bestRank) [best, bestRank] = [at, rank];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, symbols[best]! + symbols[best + 1]!);
  }
}
