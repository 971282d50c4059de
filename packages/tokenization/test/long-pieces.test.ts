/** Long pieces are merged in blocks; a trainer that looks at everything again after each merge is the oracle. */
import fc from "fast-check";
import { BpeModel } from "../src/bpe-model.ts";
import { IdBuffer } from "../src/id-buffer.ts";
import { findExpression } from "../src/pipeline/regex/expression.ts";
import { pieceEnd, SPLIT_PATTERNS } from "../src/pre-tokenizer.ts";

const LETTERS = 3;

/** Merges of an alphabet of three letters, in any order: of letters, and of what merges before or after them make. */
const anyMerges = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 24 }).chain((pairs) => {
  const tokens = ["0", "1", "2"];
  const merges = pairs.flatMap(([left, right]) => {
    const parts = [tokens[left % tokens.length]!, tokens[right % tokens.length]!] as const;
    const token = parts.join("");
    if (token.length > 40) return [];
    if (!tokens.includes(token)) tokens.push(token);
    return [[...parts, token].map((one) => tokens.indexOf(one))];
  });
  const order = fc.shuffledSubarray(merges, { minLength: merges.length, maxLength: merges.length });
  return fc.oneof(fc.constant(merges), order);
});
const anyText = fc.oneof(
  fc.array(fc.nat(LETTERS - 1), { minLength: 40, maxLength: 400 }),
  fc
    .tuple(fc.array(fc.nat(LETTERS - 1), { minLength: 1, maxLength: 5 }), fc.integer({ min: 30, max: 120 }))
    .map(([unit, times]) => Array.from({ length: times }, () => unit).flat()),
);

test("any merges, in any order, of text without a place to cut", () => {
  fc.assert(
    fc.property(anyMerges, anyText, (merges, letters) => {
      const byteIds = Uint32Array.from({ length: 256 }, (_, byte) => byte % LETTERS);
      const model = new BpeModel({ byteIds, merges: Uint32Array.from(merges.flat()) });
      const out = new IdBuffer();
      model.encode(Uint8Array.from(letters), letters.length, out);
      expect(Array.from(out.toArray())).toEqual(merged(letters, merges));
    }),
    { seed: 31, numRuns: 1500 },
  );
});

function merged(letters: readonly number[], merges: readonly number[][]): number[] {
  const symbols = [...letters];
  const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  for (;;) {
    let best = merges.length;
    let at = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = ranks.get(`${symbols[i]} ${symbols[i + 1]}`) ?? merges.length;
      if (rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return symbols;
    symbols.splice(at, 2, merges[best]![2]!);
  }
}

test("o200k cuts every character, and any text, where its expression cuts", () => {
  // With a group around it, the expression is not known by name, and a matcher of expressions runs it.
  const find = findExpression(`(?:${SPLIT_PATTERNS.get("o200k")!})`, "pre_tokenizer");
  const cut = pieceEnd("o200k");
  const agrees = (text: string) => {
    const ends: number[] = [];
    for (let start = 0; start < text.length; ) {
      start = cut(text, start);
      ends.push(start);
    }
    expect({ text, ends }).toEqual({ text, ends: find(text).map(([, end]) => end) });
  };
  for (let first = 0; first < 0x30000; first += 0x400) {
    let text = "";
    for (let point = first; point < first + 0x400; point++) text += `${String.fromCodePoint(point)}aA1`;
    agrees(text);
  }
  const parts = [..."aAǅʰあ\u0301\u0903 \t\n\r/'(1٣€ſ", "'s", "'LL", "'Re", "\u{1d400}", "\u{1f600}", "\ud83d", "  "];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...parts), { maxLength: 30 }).map((chosen) => chosen.join("")),
      agrees,
    ),
    { seed: 32, numRuns: 5000 },
  );
}, 60_000);
