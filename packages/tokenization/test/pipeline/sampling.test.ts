import { golden, parse, type Shape, withCharsMap } from "./golden.ts";

const VOCAB: [string, number][] = [
  ["<unk>", 0],
  ["a", -1.2],
  ["b", -2.1],
  ["ab", -1.7],
  ["aba", -2.9],
  ["ba", -2.4],
  ["abab", -4],
];
const tokenizer = parse({ model: { type: "Unigram", unk_id: 0, vocab: VOCAB } });

/** All segmentations, the best first. */
function all(text: string): { tokens: string[]; score: number }[] {
  if (text === "") return [{ tokens: [], score: 0 }];
  return VOCAB.flatMap(([token, score]) =>
    text.startsWith(token)
      ? all(text.slice(token.length)).map((rest) => ({ tokens: [token, ...rest.tokens], score: score + rest.score }))
      : [],
  ).sort((a, b) => b.score - a.score);
}

function frequencies(text: string, sampling: { alpha: number; nBest?: number }, draws: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < draws; seed++) {
    const key = tokenizer.encodeFull(text, { sampling, seed }).tokens.join(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1 / draws);
  }
  return counts;
}

test.each<[{ alpha: number; nBest?: number }]>([
  [{ alpha: 0 }],
  [{ alpha: 0.5 }],
  [{ alpha: 2 }],
  [{ alpha: 0.5, nBest: 3 }],
  [{ alpha: 0, nBest: 5 }],
])("%j draws each segmentation as often as its score says", (sampling) => {
  const text = "ababa";
  const paths = all(text).slice(0, sampling.nBest);
  const weights = paths.map(({ score }) => Math.exp(sampling.alpha * score));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const found = frequencies(text, sampling, 4000);
  // Five standard deviations of a share of 4,000 draws; the seeds are fixed, so that it holds always or never.
  paths.forEach(({ tokens }, index) => {
    const share = weights[index]! / total;
    const allowed = 5 * Math.sqrt((share * (1 - share)) / 4000);
    expect([tokens, Math.abs((found.get(tokens.join(" ")) ?? 0) - share) <= allowed]).toEqual([tokens, true]);
  });
  expect([...found.keys()].filter((key) => !paths.some(({ tokens }) => tokens.join(" ") === key))).toEqual([]);
});

test("the one best is what is taken without sampling, in every Unigram shape", () => {
  const shapes = golden<Shape[]>("shapes.json.gz").filter(({ json }) => json.model["type"] === "Unigram");
  expect(shapes.length).toBe(3);
  for (const { json, texts } of shapes) {
    const one = parse(withCharsMap(json));
    for (const text of texts) {
      const sampled = one.encodeFull(text, { sampling: { alpha: 1, nBest: 1 } });
      expect([text, sampled.tokens, sampled.offsets]).toEqual([
        text,
        one.encodeFull(text).tokens,
        one.encodeFull(text).offsets,
      ]);
    }
  }
});

test("what is drawn is the text, and options that are wrong are refused", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { tokens } = tokenizer.encodeFull("abxxab", { sampling: { alpha: 0.1 }, seed });
    expect(tokens.join("")).toBe("abxxab");
    expect(tokens).toContain("xx");
  }
  const words = parse({ model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" } });
  const refused = expect.objectContaining({ code: "TOKENIZER_OPTIONS_INVALID" });
  expect(() => words.encodeFull("a", { sampling: { alpha: 1 } })).toThrow(refused);
  expect(() => tokenizer.encodeFull("a", { sampling: { alpha: -1 } })).toThrow(refused);
  expect(() => tokenizer.encodeFull("a", { sampling: { alpha: 1, nBest: 0 } })).toThrow(refused);
  expect(() => tokenizer.encodeFull("a", { seed: 0.5 })).toThrow(refused);
  expect(() => tokenizer.encodeFull("ab".repeat(2 ** 20), { sampling: { alpha: 1, nBest: 8 } })).toThrow(
    expect.objectContaining({ code: "TOKENIZER_TEXT_TOO_LONG" }),
  );
});
