import { createByteTokenizer, parseTokenizer, totalByteLength, trainByteLevelBpe } from "@codex/tokenization";
import fc from "fast-check";

const anyString = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom("\ud83d", "\ude00", "a", " ", "\r\n", "'s", "<|endoftext|>"), { maxLength: 20 })
    .map((parts) => parts.join("")),
);

test.each(["gpt2", "llama3", "qwen2", "none"] as const)(
  "bpe with %s gives every string back, lone surrogates too",
  async (preTokenizer) => {
    const tokenizer = await trainByteLevelBpe(["the cat sat on the mat, the cat's hat 1234\n"], {
      vocabSize: 290,
      preTokenizer,
    });
    const copy = parseTokenizer(JSON.parse(JSON.stringify(tokenizer)));
    fc.assert(
      fc.property(anyString, (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(copy.encode(text)).toEqual(ids);
        expect(totalByteLength(tokenizer, ids)).toBe(Buffer.byteLength(text));
      }),
      { seed: 1, numRuns: 200 },
    );
  },
);

test("byte ids are the bytes of UTF-8", () => {
  const tokenizer = createByteTokenizer();
  expect(Array.from(tokenizer.encode("aé\ud83d\ude00"))).toEqual([...Buffer.from("aé\ud83d\ude00")]);
  expect(tokenizer.vocabSize).toBe(257);
  fc.assert(
    fc.property(anyString, (text) => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }),
    { seed: 2, numRuns: 200 },
  );
});
