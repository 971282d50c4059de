import { createByteTokenizer, trainByteLevelBpe } from "@codex/tokenization";
import { golden, parse, type Shape, withCharsMap } from "./golden.ts";

const shapes = golden<Shape[]>("shapes.json.gz");
const shape = (wanted: string) => parse(withCharsMap(shapes.find(({ name }) => name === wanted)!.json));

test("offsets are UTF-16 units, code points or bytes", () => {
  const tokenizer = shape("bert-cased");
  const text = "\u{1f600} \u00e9\u4f60";
  const offsets = (unit?: "utf16" | "codePoints" | "bytes") =>
    tokenizer.encodeFull(text, { addSpecialTokens: false, ...(unit === undefined ? {} : { offsets: unit }) }).offsets;
  expect(offsets("codePoints")).toEqual([
    [0, 1],
    [2, 3],
    [3, 4],
  ]);
  expect(offsets()).toEqual([
    [0, 2],
    [3, 4],
    [4, 5],
  ]);
  expect(offsets("utf16")).toEqual(offsets());
  expect(offsets("bytes")).toEqual([
    [0, 4],
    [5, 7],
    [7, 10],
  ]);
});

test("the offsets of a pair are of the pair", () => {
  const { offsets, sequenceIds, tokens } = shape("bert-uncased").encodeFull("a", { pair: "\u{1f600} a" });
  expect(tokens).toEqual(["[CLS]", "a", "[SEP]", "[UNK]", "a", "[SEP]"]);
  expect(sequenceIds).toEqual([null, 0, null, 1, 1, null]);
  expect(offsets).toEqual([
    [0, 0],
    [0, 1],
    [0, 0],
    [0, 2],
    [3, 4],
    [0, 0],
  ]);
});

test("the byte-level fast path gives the same by the general pipeline", async () => {
  const tokenizer = await trainByteLevelBpe(["the cat and the hat"], { vocabSize: 270 });
  const text = "the \u4f60 hat";
  const encode = "encodeFull" in tokenizer ? tokenizer.encodeFull : undefined;
  const encoding = encode!.call(tokenizer, text);
  expect(encoding.ids).toEqual(tokenizer.encode(text));
  expect(encoding.offsets[0]).toEqual([0, 3]);
  expect(encoding.offsets.at(-1)).toEqual([5, 9]);
  expect(createByteTokenizer().encodeFull!("\u4f60").offsets).toEqual([
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
});

describe("dropout", () => {
  const vocab = { a: 0, b: 1, ab: 2, abab: 3 };
  const merges = [
    ["a", "b"],
    ["ab", "ab"],
  ];
  const tokenizer = (dropout: number) => parse({ model: { type: "BPE", vocab, merges, dropout } });
  const text = "ab".repeat(32);

  test("of 0 is none, and of 1 is no merge", () => {
    expect(Array.from(tokenizer(0).encode(text))).toEqual(Array(16).fill(3));
    expect(Array.from(tokenizer(1).encode(text))).toEqual(Array(32).fill([0, 1]).flat());
  });

  test("in between depends on the seed alone", () => {
    const half = tokenizer(0.5);
    const ids = (seed: number) => Array.from(half.encodeFull(text, { seed }).ids);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
    expect(Array.from(half.encode(text))).toEqual(ids(0));
    expect(half.decode(ids(3)).replaceAll(" ", "")).toBe(text);
  });
});

test.each<[string, object, string, RegExp]>([
  ["a unit that is none", { offsets: "chars" }, "TOKENIZER_OPTIONS_INVALID", /offsets/],
  ["a length that is none", { truncation: { maxLength: 1.5 } }, "TOKENIZER_OPTIONS_INVALID", /maxLength/],
  ["a stride as long as the row", { truncation: { maxLength: 4, stride: 2 } }, "TOKENIZER_OPTIONS_INVALID", /stride/],
  ["room for nothing", { truncation: { maxLength: 1 } }, "TOKENIZER_OPTIONS_INVALID", /at least 2/],
  ["the second of one", { truncation: { maxLength: 4, strategy: "only_second" } }, "TOKENIZER_OPTIONS_INVALID", /pair/],
  [
    "a strategy that is none",
    { truncation: { maxLength: 4, strategy: "both" } },
    "TOKENIZER_OPTIONS_INVALID",
    /strategy/,
  ],
  ["a side that is none", { padding: { side: "top", id: 0 } }, "TOKENIZER_OPTIONS_INVALID", /side/],
  ["no pad token", { padding: {} }, "TOKENIZER_PAD_TOKEN_MISSING", /pad token/],
  ["a row of a billion", { padding: { length: 1e9, id: 0 } }, "TOKENIZER_OPTIONS_INVALID", /length/],
])("%s is refused", (_, options, code, message) => {
  expect(() => shape("bert-cased").encodeFull("the quick brown fox jumps", options)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});
