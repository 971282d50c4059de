import { createByteTokenizer, trainByteLevelBpe, trainCharTokenizer } from "@codex/tokenization";
import fc from "fast-check";

test("a long run of one character is not quadratic", async () => {
  const tokenizer = await trainByteLevelBpe(["a".repeat(64)], { vocabSize: 263, specialTokens: {} });
  // a, aa, a^4, ... a^64: the run is cut into the longest, and what is left into the next.
  const ids = tokenizer.encode("a".repeat(256_000));
  expect(ids.length).toBe(256_000 / 64);
  expect(tokenizer.decode(ids)).toBe("a".repeat(256_000));
  expect(tokenizer.encode("^".repeat(256_000)).length).toBe(256_000);
});

test("the cache of pieces gives what was computed, after it is full too", async () => {
  const tokenizer = await trainByteLevelBpe(["word0 word1 word22"], { vocabSize: 270 });
  const first = tokenizer.encode(" word12345");
  const many = Array.from({ length: 70_000 }, (_, i) => ` w${i.toString(36)}x`).join("");
  expect(tokenizer.decode(tokenizer.encode(many))).toBe(many);
  expect(tokenizer.encode(" word12345")).toEqual(first);
});

test("a stream gives the same text as the whole, and never half a character", async () => {
  const tokenizer = createByteTokenizer();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      const stream = tokenizer.streamDecoder();
      const parts = Array.from(bytes, (byte) => stream.push(byte));
      expect(parts.join("") + stream.end()).toBe(tokenizer.decode(bytes));
      expect(stream.end()).toBe("");
    }),
    { seed: 4, numRuns: 500 },
  );
  const stream = tokenizer.streamDecoder();
  expect([0xf0, 0x9f, 0x98, 0x80, 0x21, 0xe4, 0xbd].map((byte) => stream.push(byte))).toEqual([
    "",
    "",
    "",
    "\ud83d\ude00",
    "!",
    "",
    "",
  ]);
  expect(stream.end()).toBe("\ufffd");
  expect(stream.push(0x41)).toBe("A");
});

describe("char tokenizer", () => {
  test("ids are the characters in ascending order, by code point", async () => {
    const tokenizer = await trainCharTokenizer(["ba", "\ud83d\ude00\uffe0 a"]);
    expect(["a", "b", " ", "\uffe0", "\ud83d\ude00"].map((one) => tokenizer.tokenToId(one))).toEqual([1, 2, 0, 3, 4]);
    expect(Array.from(tokenizer.encode("ab \ud83d\ude00"))).toEqual([1, 2, 0, 4]);
    expect(tokenizer.decode([4, 1])).toBe("\ud83d\ude00a");
    expect([0, 3, 4].map((id) => tokenizer.tokenByteLength?.(id))).toEqual([1, 3, 4]);
    expect(tokenizer.vocabSize).toBe(5);
  });

  test("a character outside the vocabulary is an error that says where, unless there is an unk token", async () => {
    const strict = await trainCharTokenizer(["abc"]);
    expect(() => strict.encode("ab\u00e9")).toThrow(
      expect.objectContaining({
        code: "TOKENIZER_UNKNOWN_CHARACTER",
        message: expect.stringMatching(/offset 2: .*"\u00e9" \(U\+00E9\)/),
      }),
    );
    const lenient = await trainCharTokenizer(["abc"], { specialTokens: { unk: "<unk>", eos: "<end>" } });
    expect(Array.from(lenient.encode("a\u00e9\ud83d\ude00\ud83d"))).toEqual([2, 0, 0, 0]);
    expect(Array.from(lenient.encode("a<end>", { allowedSpecial: "all" }))).toEqual([2, 1]);
    expect(() => strict.encode("\ud83d")).toThrow(expect.objectContaining({ code: "TOKENIZER_UNKNOWN_CHARACTER" }));
  });

  test("a corpus without text, with half a character, or with a special token as a character is refused", async () => {
    await expect(trainCharTokenizer([""])).rejects.toMatchObject({ code: "TOKENIZER_CORPUS_EMPTY" });
    await expect(trainCharTokenizer(["x", "ab\ud83d"])).rejects.toMatchObject({
      code: "TOKENIZER_TEXT_INVALID",
      message: expect.stringContaining("document 2 of the corpus, offset 2"),
    });
    await expect(trainCharTokenizer(["a~"], { specialTokens: { eos: "~" } })).rejects.toMatchObject({
      code: "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
    });
  });
});
