import { createByteTokenizer, type EncodeBatchOptions, type EncodedBatch, parseTokenizer } from "@codex/tokenization";
import { golden, type HubCase } from "./golden.ts";

const tokenizer = createByteTokenizer({ specialTokens: { pad: "<pad>", eos: "</s>" } });
const texts = ["abcde", "", "xyz"];
const [a, b, c, d, e, x, y, z, PAD] = [97, 98, 99, 100, 101, 120, 121, 122, 256];

function rows({ inputIds, attentionMask }: EncodedBatch): [number[][], number[][]] {
  return [inputIds.map((row) => Array.from(row)), attentionMask.map((row) => Array.from(row))];
}

test("without padding rows keep their lengths", () => {
  expect(rows(tokenizer.encodeBatch(texts))).toEqual([
    [[a, b, c, d, e], [], [x, y, z]],
    [[1, 1, 1, 1, 1], [], [1, 1, 1]],
  ]);
  expect(rows(tokenizer.encodeBatch([]))).toEqual([[], []]);
});

test("padding to the longest, on either side", () => {
  expect(rows(tokenizer.encodeBatch(texts, { padding: "longest" }))).toEqual([
    [
      [a, b, c, d, e],
      [PAD, PAD, PAD, PAD, PAD],
      [x, y, z, PAD, PAD],
    ],
    [
      [1, 1, 1, 1, 1],
      [0, 0, 0, 0, 0],
      [1, 1, 1, 0, 0],
    ],
  ]);
  expect(rows(tokenizer.encodeBatch(["a", "xyz"], { padding: "longest", paddingSide: "left" }))).toEqual([
    [
      [PAD, PAD, a],
      [x, y, z],
    ],
    [
      [0, 0, 1],
      [1, 1, 1],
    ],
  ]);
  expect(tokenizer.encodeBatch([], { padding: "longest" }).inputIds).toEqual([]);
});

test("padding to a multiple, and to a fixed length with another id", () => {
  expect(
    tokenizer.encodeBatch(texts, { padding: "longest", padToMultipleOf: 4 }).inputIds.map((row) => row.length),
  ).toEqual([8, 8, 8]);
  expect(rows(tokenizer.encodeBatch(["xyz"], { padding: "maxLength", maxLength: 5, padId: 7 }))).toEqual([
    [[x, y, z, 7, 7]],
    [[1, 1, 1, 0, 0]],
  ]);
});

test("truncation, on either side", () => {
  const cut = { maxLength: 2, truncation: true } as const;
  expect(rows(tokenizer.encodeBatch(texts, cut))[0]).toEqual([[a, b], [], [x, y]]);
  expect(rows(tokenizer.encodeBatch(texts, { ...cut, truncationSide: "left" }))[0]).toEqual([[d, e], [], [y, z]]);
});

test("truncation keeps what the template adds", () => {
  const { json } = golden<HubCase[]>("hub-style.json").find(({ name }) => name === "llama3")!;
  const llama = parseTokenizer(json);
  const begin = llama.tokenToId("<|begin_of_text|>")!;
  const whole = Array.from(llama.encode("some more words"));
  expect(whole[0]).toBe(begin);
  expect(whole.slice(1)).toEqual(Array.from(llama.encode("some more words", { addSpecialTokens: false })));
  const options = { maxLength: 3, truncation: true } as const;
  expect(Array.from(llama.encodeBatch(["some more words"], options).inputIds[0]!)).toEqual(whole.slice(0, 3));
  const left = llama.encodeBatch(["some more words"], { ...options, truncationSide: "left" }).inputIds[0]!;
  expect(Array.from(left)).toEqual([begin, ...whole.slice(-2)]);
});

test.each([
  [{ padding: "longest", paddingSide: "middle" as "left" }, "TOKENIZER_OPTIONS_INVALID", "paddingSide"],
  [{ padding: "most" as "longest" }, "TOKENIZER_OPTIONS_INVALID", "padding"],
  [{ padding: "maxLength" }, "TOKENIZER_OPTIONS_INVALID", "maxLength"],
  [{ truncation: true }, "TOKENIZER_OPTIONS_INVALID", "maxLength"],
  [{ maxLength: 0 }, "TOKENIZER_OPTIONS_INVALID", "maxLength"],
  [{ padding: "longest", padToMultipleOf: 1.5 }, "TOKENIZER_OPTIONS_INVALID", "padToMultipleOf"],
  [{ padding: "longest", padId: -1 }, "TOKENIZER_OPTIONS_INVALID", "padId"],
  [
    { padding: "maxLength", maxLength: 4 },
    "TOKENIZER_TEXT_TOO_LONG",
    "texts[0]: expected at most 4 tokens (maxLength), got 5",
  ],
] as const)("%j is refused", (options, code, message) => {
  expect(() => tokenizer.encodeBatch(texts, options)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test("padding without a pad token is refused, and says what to do", () => {
  expect(() => createByteTokenizer().encodeBatch(texts, { padding: "longest" })).toThrow(
    expect.objectContaining({ code: "TOKENIZER_PAD_TOKEN_MISSING", help: expect.stringContaining("padId") }),
  );
});

test("padTo fills rows up to a length; with truncation all have exactly it", async () => {
  const texts = ["a", "abc"];
  const tokenizer = createByteTokenizer({ specialTokens: { pad: "<pad>" } });
  const rows = (options: EncodeBatchOptions) => {
    const { inputIds, attentionMask } = tokenizer.encodeBatch(texts, options);
    return { ids: inputIds.map((row) => [...row]), mask: attentionMask.map((row) => [...row]) };
  };
  expect(rows({ padTo: 2 })).toEqual({
    ids: [
      [97, 256],
      [97, 98, 99],
    ],
    mask: [
      [1, 0],
      [1, 1, 1],
    ],
  });
  expect(rows({ padTo: 2, maxLength: 2, truncation: true, paddingSide: "left" })).toEqual({
    ids: [
      [256, 97],
      [97, 98],
    ],
    mask: [
      [0, 1],
      [1, 1],
    ],
  });
  expect(rows({ padTo: 3, padToMultipleOf: 4 }).ids.map((row) => row.length)).toEqual([4, 4]);
  for (const wrong of [{ padTo: 0 }, { padTo: 1.5 }, { padTo: 2, padding: "longest" as const }])
    expect(() => rows(wrong)).toThrow(expect.objectContaining({ code: "TOKENIZER_OPTIONS_INVALID" }));
  expect(() => createByteTokenizer().encodeBatch(texts, { padTo: 2 })).toThrow(
    expect.objectContaining({ code: "TOKENIZER_PAD_TOKEN_MISSING" }),
  );
});

test("rows are decoded as one by one", () => {
  const tokenizer = createByteTokenizer();
  expect(tokenizer.decodeBatch!([[97], [98, 256]], { skipSpecialTokens: false })).toEqual(["a", "b<|endoftext|>"]);
});
