/** `encode` takes a text in segments where it can, and remembers them; `encodeFull` takes it whole. */
import fc from "fast-check";
import { continuationOf } from "../../src/pipeline/continuation.ts";
import { type Components, golden, parse, type Shape, withCharsMap } from "./golden.ts";

const parts = [
  ..." \t\n\r\u00a0\u3000▁Ġ\u0301\u0600\u200d",
  ..."aAbT1.,-'()<>[]{}ééßΣあ中文한\u4e00\u9fff\ua000",
  "  ",
  "   ",
  "\r\n",
  "the",
  "Token",
  "12345",
  "<s>",
  "</s>",
  "[SEP]",
  "[MASK]",
  "<mask>",
  "<|endoftext|>",
  "👩‍💻",
  "\ud83d",
  "\ude00",
  "``",
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((chosen) => chosen.join("")),
  fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((chosen) => chosen.join(" ")),
  fc.string({ unit: "binary", maxLength: 60 }).map((one) => one.replaceAll(/[^ ]{4}/gu, "$& a ")),
);

function agrees(tokenizer: ReturnType<typeof parse>, one: string): void {
  for (const allowedSpecial of ["none", "all"] as const) {
    const options = { allowedSpecial, addSpecialTokens: false };
    const whole = Array.from(tokenizer.encodeFull(one, options).ids);
    // Twice, so that the second time everything is known.
    for (let time = 0; time < 2; time++) expect(Array.from(tokenizer.encode(one, options))).toEqual(whole);
  }
}

describe("segments give the ids of the whole text", () => {
  test.each(golden<Shape[]>("shapes.json.gz"))("$name", ({ json, texts }) => {
    const tokenizer = parse(withCharsMap(json));
    for (const one of texts) if (one.length < 20_000) agrees(tokenizer, one);
    fc.assert(
      fc.property(text, (one) => agrees(tokenizer, one)),
      { seed: 21, numRuns: 150 },
    );
  });

  // Ids that tell where a text was cut.
  const characters = [..." ▁Ġabcdeth.,'()<>-123中文é", "▁▁", "th", "▁a", "a▁", "1 ", "a b", "..", "12", "文 "];
  const vocab = [["<unk>", 0], ...characters.map((token, index) => [token, -1 - (index % 7) - token.length / 9])];
  const model = { type: "Unigram", unk_id: 0, vocab, byte_fallback: false };

  const { components } = golden<Components>("components.json.gz");
  test.each(components)("$name", ({ normalizer, pre_tokenizer }) => {
    const tokenizer = parse(withCharsMap({ normalizer, pre_tokenizer, model }));
    fc.assert(
      fc.property(text, (one) => agrees(tokenizer, one)),
      { seed: 22, numRuns: 60 },
    );
  });

  const added = (...tokens: [content: string, flags: object][]) =>
    tokens.map(([content, flags], index) => ({
      id: vocab.length + index,
      content,
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: true, special: false },
      ...flags,
    }));
  test.each([
    ["of the normalized text", added(["the", {}])],
    ["that take white space", added(["<mask>", { lstrip: true }], ["<s>", { rstrip: true }])],
    ["that take white space as written", added(["<s>", { rstrip: true, lstrip: true, normalized: false }])],
    ["that are words", added(["Token", { single_word: true }], ["A", { single_word: true }])],
    ["with a space", added(["A b", {}], ["the Token", { normalized: false }])],
  ])("added tokens %s", (_, added_tokens) => {
    for (const { normalizer, pre_tokenizer } of [
      { normalizer: { type: "Lowercase" }, pre_tokenizer: { type: "WhitespaceSplit" } },
      { normalizer: { type: "BertNormalizer" }, pre_tokenizer: { type: "BertPreTokenizer" } },
      { normalizer: null, pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first" } },
    ]) {
      const tokenizer = parse({ normalizer, pre_tokenizer, model, added_tokens });
      fc.assert(
        fc.property(text, (one) => agrees(tokenizer, one)),
        { seed: 23, numRuns: 100 },
      );
    }
  });
});

// Those that are left need their text whole: see continuation.ts, or they cannot tell where a space was.
const WHOLE = ["unigram-byte-fallback", "bpe-dropped", "byte-level-normalizer"];

test.each(golden<Shape[]>("shapes.json.gz").map((shape) => ({ ...shape, isWhole: WHOLE.includes(shape.name) })))(
  "$name: whole $isWhole",
  ({ name, json, isWhole }) => {
    if (name === "o200k") return; // has a scanner of its own, as gpt-2 and llama-3 have
    expect(continuationOf(withCharsMap(json)) === undefined).toBe(isWhole);
  },
);

test.each([
  ["a piece across spaces", { pre_tokenizer: { type: "FixedLength", length: 3 } }],
  ["a delimiter that stays with the word before", split({ String: " " }, "MergedWithPrevious")],
  ["an expression that is not known", split({ Regex: "\\w+ \\w+" }, "Isolated")],
  ["no pre-tokenizer, and a token with a space inside", { model: bpe(["a b"]) }],
  ["spaces that are removed", { normalizer: { type: "Replace", pattern: { String: " " }, content: "" } }],
])("%s: a text is taken whole", (_, json) => {
  expect(continuationOf({ pre_tokenizer: null, normalizer: null, model: { type: "WordLevel" }, ...json })).toBe(
    undefined,
  );
});

test("Llama 2's: no pre-tokenizer, but no token with a mark inside", () => {
  const normalizers = [
    { type: "Prepend", prepend: "▁" },
    { type: "Replace", pattern: { String: " " }, content: "▁" },
  ];
  const json = { normalizer: { type: "Sequence", normalizers }, pre_tokenizer: null };
  expect(continuationOf({ ...json, model: bpe(["▁a", "▁▁"]) })).toMatchObject({
    normalizer: { normalizers: [normalizers[1]] },
  });
  expect(continuationOf({ ...json, model: bpe(["a▁"]) })).toBe(undefined);
});

function split(pattern: object, behavior: string): object {
  return { pre_tokenizer: { type: "Split", pattern, behavior, invert: false } };
}

function bpe(tokens: string[]): object {
  return {
    type: "BPE",
    unk_token: "<unk>",
    vocab: Object.fromEntries(["<unk>", "▁", " ", "a", "b", ...tokens].map((token, id) => [token, id])),
    merges: tokens.map((token) => [token.slice(0, 1), token.slice(1)]),
  };
}
