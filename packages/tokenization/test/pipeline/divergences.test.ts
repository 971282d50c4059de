/** What `@huggingface/tokenizers` 0.2.0 does otherwise than Hugging Face tokenizers; the right answers are in the fixtures too. */
import { type Components, golden, parse, withCharsMap } from "./golden.ts";

const PIECES = { type: "Unigram", unk_id: 0, vocab: [["<unk>", 0]], byte_fallback: false };
const pieces = (text: string, parts: object) => parse({ ...parts, model: PIECES }).encodeFull(text).tokens;
const wordLevel = (parts: object = {}) =>
  parse({ model: { type: "WordLevel", vocab: { a: 0, b: 1, "<unk>": 2 }, unk_token: "<unk>" }, ...parts });

test("Whitespace takes letters of all scripts for words", () => {
  expect(pieces("h\u00e9llo w\u00f6rld!", { pre_tokenizer: { type: "Whitespace" } })).toEqual([
    "h\u00e9llo",
    "w\u00f6rld",
    "!",
  ]);
});

test("FixedLength does not cut surrogate pairs", () => {
  expect(pieces("a\u{1f600}bc", { pre_tokenizer: { type: "FixedLength", length: 2 } })).toEqual(["a\u{1f600}", "bc"]);
});

test("Punctuation honours its behavior", () => {
  const pre_tokenizer = { type: "Punctuation", behavior: "Removed" };
  expect(pieces("a,b", { pre_tokenizer })).toEqual(["a", "b"]);
});

test.each([
  ["MergedWithPrevious", ["the-", "final-", "-", "countdown"]],
  ["MergedWithNext", ["the", "-final", "-", "-countdown"]],
  ["Contiguous", ["the", "-", "final", "--", "countdown"]],
])("Split honours %s", (behavior, expected) => {
  const pre_tokenizer = { type: "Split", pattern: { String: "-" }, behavior, invert: false };
  expect(pieces("the-final--countdown", { pre_tokenizer })).toEqual(expected);
});

test("Precompiled applies the character map, not NFKC", () => {
  const { components } = golden<Components>("components.json.gz");
  const { normalizer } = withCharsMap(components.find(({ name }) => name === "Precompiled"))!;
  expect(pieces("\uff5e\u200b\uff21", { normalizer })).toEqual(["\uff5e A"]);
});

test("CharDelimiterSplit, UnicodeScripts, Nmt and the normalizer ByteLevel are there", () => {
  expect(pieces("a|b", { pre_tokenizer: { type: "CharDelimiterSplit", delimiter: "|" } })).toEqual(["a", "b"]);
  expect(pieces("ab\u043f\u0440", { pre_tokenizer: { type: "UnicodeScripts" } })).toEqual(["ab", "\u043f\u0440"]);
  expect(pieces("a\u0001\tb", { normalizer: { type: "Nmt" } })).toEqual(["a b"]);
  expect(pieces("\u00e9 ", { normalizer: { type: "ByteLevel" } })).toEqual(["\u00c3\u00a9\u0120"]);
});

test("an unknown word of WordLevel is the unk token, and an error without one", () => {
  expect(Array.from(wordLevel().encode("zzz"))).toEqual([2]);
  const strict = parse({ model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "<unk>" } });
  expect(() => strict.encode("zzz")).toThrow(expect.objectContaining({ code: "TOKENIZER_UNKNOWN_CHARACTER" }));
});

test("a special token of a template may have several ids", () => {
  const special_tokens = { "<x>": { id: "<x>", ids: [1, 0], tokens: ["b", "a"] } };
  const single = [{ SpecialToken: { id: "<x>", type_id: 3 } }, { Sequence: { id: "A", type_id: 0 } }];
  const pair = [...single, { Sequence: { id: "B", type_id: 1 } }];
  const tokenizer = wordLevel({ post_processor: { type: "TemplateProcessing", single, pair, special_tokens } });
  expect(Array.from(tokenizer.encode("a"))).toEqual([1, 0, 0]);
  expect(Array.from(tokenizer.encodeFull("a").typeIds)).toEqual([3, 3, 0]);
});

test("nothing decodes to nothing", () => {
  expect(wordLevel().decode([])).toBe("");
  expect(wordLevel({ decoder: { type: "BPEDecoder", suffix: "</w>" } }).decode([])).toBe("");
});

test("Lowercase goes character by character: no final sigma", () => {
  const normalizer = { type: "Lowercase" };
  expect(pieces("\u039f\u0394\u039f\u03a3 \u0130", { normalizer })).toEqual(["\u03bf\u03b4\u03bf\u03c3 i\u0307"]);
});

test("single_word is honoured", () => {
  const added_tokens = [{ id: 3, content: "so", single_word: true, special: false, normalized: false }];
  const tokenizer = wordLevel({ added_tokens, pre_tokenizer: { type: "WhitespaceSplit" } });
  expect(Array.from(tokenizer.encode("so also so"))).toEqual([3, 2, 3]);
});

test("padding and truncation are honoured", () => {
  const tokenizer = wordLevel({ pre_tokenizer: { type: "WhitespaceSplit" } });
  const { ids, overflowing } = tokenizer.encodeFull("a b a b a", { truncation: { maxLength: 2 } });
  expect([ids, ...overflowing.map((one) => one.ids)].map((one) => Array.from(one))).toEqual([[0, 1], [0, 1], [0]]);
  const padded = tokenizer.encodeFull("a b", { padding: { length: 4, id: 2, side: "left" } });
  expect(Array.from(padded.ids)).toEqual([2, 2, 0, 1]);
  expect(Array.from(padded.attentionMask)).toEqual([0, 0, 1, 1]);
});
