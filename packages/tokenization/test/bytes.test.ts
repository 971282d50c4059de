/** Bytes in the place of strings: the same ids for the same text, and a defined result for bytes that are no text. */
import { createByteTokenizer, parseTokenizer, type Tokenizer, trainByteLevelBpe } from "@codex/tokenization";
import fc from "fast-check";
import { encodeUtf8 } from "../src/utf8.ts";
import { IMPLEMENTATIONS, using } from "./native.ts";
import { golden, parse, type Shape, withCharsMap } from "./pipeline/golden.ts";

const CORPUS = [
  "the cat's sat on the mat 123456 \u00e9t\u00e9 \u4f60\u597d\n\n",
  "((\u{1d49c}bc)) \ud83d\ude00 x\r\n  y",
];
const NAMES = ["gpt2", "llama3", "qwen2", "none"] as const;
const SPECIAL = { eos: "<|end|>", additional: ["\u4f60", "a\u0301"] };

const trained = (preTokenizer: (typeof NAMES)[number]) =>
  trainByteLevelBpe(CORPUS, { vocabSize: 330, preTokenizer, specialTokens: SPECIAL });

/** Bytes as they come: text, parts of characters, surrogates as UTF-8 cannot have them, noise. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 6 }).map(encodeUtf8),
      fc.constantFrom("the cat's", " 123", "\u{1d49c}b", "<|end|>", "\u4f60", "\ud835\udc9c").map(encodeUtf8),
      fc.constantFrom("\ud835", "\udc9c").map(encodeUtf8), // put together, these two are a letter
      fc.uint8Array({ maxLength: 4 }),
      fc
        .constantFrom([0xe4, 0xbd], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff], [0xf0, 0x9d, 0x92])
        .map((list) => Uint8Array.from(list)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

describe.each(NAMES)("%s", (name) => {
  test("every sequence of bytes comes back, with the same ids from every implementation", async () => {
    const tokenizers: Tokenizer[] = [];
    for (const implementation of IMPLEMENTATIONS) tokenizers.push(await using(implementation, () => trained(name)));
    fc.assert(
      fc.property(bytes, fc.constantFrom("all" as const, "none" as const), (text, allowedSpecial) => {
        const all = tokenizers.map((one) => [...one.encode(text, { allowedSpecial })]);
        for (const ids of all) expect(ids).toEqual(all[0]);
        expect([...tokenizers[0]!.decodeBytes!(all[0]!, { skipSpecialTokens: false })]).toEqual([...text]);
        for (const one of tokenizers) {
          const flat = one.encodeFlat!(["a", text, text], { allowedSpecial, threads: 2 });
          expect([...flat.ids.subarray(flat.offsets[1], flat.offsets[2])]).toEqual(all[0]);
          expect([...flat.ids.subarray(flat.offsets[2], flat.offsets[3])]).toEqual(all[0]);
        }
      }),
      { seed: 11, numRuns: 400 },
    );
  });

  test("bytes of a string give the ids of the string", async () => {
    for (const implementation of IMPLEMENTATIONS) {
      const tokenizer = await using(implementation, () => trained(name));
      fc.assert(
        fc.property(fc.string({ unit: "binary", maxLength: 40 }), (noise) => {
          for (const text of [...CORPUS, noise, `${noise}<|end|>${CORPUS[0]}`]) {
            for (const allowedSpecial of ["all", "none"] as const) {
              const ids = [...tokenizer.encode(text, { allowedSpecial })];
              expect([...tokenizer.encode(encodeUtf8(text), { allowedSpecial })]).toEqual(ids);
            }
          }
        }),
        { seed: 3, numRuns: 60 },
      );
    }
  });
});

test("a byte tokenizer gives bytes as they are", () => {
  const tokenizer = createByteTokenizer();
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  expect([...tokenizer.encode(all)]).toEqual([...all]);
  expect([...tokenizer.decodeBytes!([255, 256, 0])]).toEqual([255, 0]);
  expect(tokenizer.encode(new Uint8Array(0))).toHaveLength(0);
});

test("parts of larger memory, and memory that threads share, are taken", async () => {
  for (const implementation of IMPLEMENTATIONS) {
    const tokenizer = await using(implementation, () => trained("gpt2"));
    const text = Buffer.from("the cat");
    const part = Uint8Array.from([1, 2, ...text, 3]).subarray(2, 2 + text.length);
    const shared = new Uint8Array(new SharedArrayBuffer(text.length));
    shared.set(text);
    for (const one of [part, shared, text])
      expect([...tokenizer.encode(one)]).toEqual([...tokenizer.encode("the cat")]);
    expect(tokenizer.encodeBatch([part, "x", shared]).inputIds.map((row) => row.length)).toEqual([
      tokenizer.encode("the cat").length,
      1,
      tokenizer.encode("the cat").length,
    ]);
  }
});

test.each([[undefined], [null], [5], [[1, 2]], [new Uint16Array(2)]])("%p is neither text nor bytes", async (value) => {
  const tokenizer = await trained("gpt2");
  const refused = expect.objectContaining({ code: "TOKENIZER_OPTIONS_INVALID" });
  expect(() => tokenizer.encode(value as never)).toThrow(refused);
  expect(() => tokenizer.encodeFlat!(["a", value as never])).toThrow(refused);
  expect(() => tokenizer.encodeBatch([value as never])).toThrow(refused);
});

test("other tokenizers take UTF-8 as its text, and U+FFFD for what is none", () => {
  const shapes = golden<Shape[]>("shapes.json.gz");
  for (const { name, json } of shapes) {
    const tokenizer = parse(withCharsMap(json));
    const text = "na\u00efve \u4f60\u597d, it's 12!";
    expect([name, [...tokenizer.encode(encodeUtf8(text))]]).toEqual([name, [...tokenizer.encode(text)]]);
    if ("decodeBytes" in tokenizer) continue;
    const broken = Uint8Array.from([0x61, 0xff, 0x62]);
    expect([name, [...tokenizer.encode(broken)]]).toEqual([name, [...tokenizer.encode("a\ufffdb")]]);
  }
});

test("offsets are told of UTF-8, in bytes where asked for, and of nothing else", async () => {
  const tokenizer = await trained("gpt2");
  const text = "\u4f60 the\ufffd";
  const full = tokenizer.encodeFull!(encodeUtf8(text), { offsets: "bytes" });
  expect(full).toEqual(tokenizer.encodeFull!(text, { offsets: "bytes" }));
  expect(full.offsets.at(-1)![1]).toBe(10);
  expect(() => tokenizer.encodeFull!(Uint8Array.of(0x61, 0xff))).toThrow(
    expect.objectContaining({ code: "TOKENIZER_TEXT_INVALID" }),
  );
});

test("a tokenizer that is not byte-level has no decodeBytes", () => {
  const model = { type: "WordLevel", vocab: { a: 0, "<unk>": 1 }, unk_token: "<unk>" };
  expect(parseTokenizer({ version: "1.0", model }).decodeBytes).toBeUndefined();
});
