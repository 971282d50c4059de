/** The native library does what the TypeScript code does, which is the oracle, and what Hugging Face tokenizers does, which made the fixtures. */
import { parseTokenizer, type Tokenizer, trainByteLevelBpe } from "@codex/tokenization";
import { tokenizerContract } from "@codex/tokenization/testing";
import fc from "fast-check";
import { type PreTokenizerName, pieceEnd } from "../src/pre-tokenizer.ts";
import { encodeUtf8, utf8Length } from "../src/utf8.ts";
import { golden, type HubCase, type TrainedCase } from "./golden.ts";
import { IMPLEMENTATIONS, native, using } from "./native.ts";
import { OURS } from "./ours.ts";

const NAMES: readonly PreTokenizerName[] = ["gpt2", "llama3", "qwen2", "none"];
const CORPUS = [
  "The quick brown fox jumps over the lazy dog. It's the dog's day; they'll say so, won't they?\n",
  "interface Array<T> {\n    length: number;\n    push(...items: T[]): number;\n}\n",
  "Привет, мир. 你好世界，你好。こんにちは世界。 안녕하세요. 👩‍💻👩‍💻 aaaaaaaaaaaaaaaa    \t\t\n\n\n 12345",
];
const trained = (preTokenizer: PreTokenizerName) => () => trainByteLevelBpe(CORPUS, { vocabSize: 420, preTokenizer });

const parts = [
  "\ud83d",
  "\ude00",
  "a",
  "the",
  " ",
  "  ",
  "\r\n",
  "\n",
  "'s",
  "'LL",
  "\u017f",
  "<|endoftext|>",
  "12345",
  "--",
  "é",
  "你",
  "\u3000",
];
const anyString = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 }).map((units) => String.fromCharCode(...units)),
  fc.array(fc.constantFrom(...parts), { maxLength: 60 }).map((chosen) => chosen.join("")),
);

describe.each(IMPLEMENTATIONS)("%s", (implementation) => {
  describe.each(["bpe", "bpe-roles", "byte"])("%s", (name) => {
    const create = () => using(implementation, OURS[name]!);
    const load = (files: Record<string, string>) =>
      using(implementation, () =>
        parseTokenizer(JSON.parse(files["tokenizer.json"]!), {
          config: JSON.parse(files["tokenizer_config.json"]!),
          ...(files["tokenizer_manifest.json"] === undefined
            ? {}
            : { manifest: JSON.parse(files["tokenizer_manifest.json"]) }),
        }),
      );
    test.each(tokenizerContract({ create, load }))("$name", ({ run }) => run());
  });

  const hub = golden<HubCase[]>("hub-style.json").filter(({ name }) => name === "gpt2" || name === "llama3");
  test.each(hub)("gives the ids of Hugging Face tokenizers for a $name tokenizer", async ({ json, cases }) => {
    const tokenizer = await using(implementation, () => parseTokenizer(json));
    for (const one of cases) {
      expect(Array.from(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
      expect(Array.from(tokenizer.encode(one.text))).toEqual(one.none ?? one.all);
    }
    const { ids, offsets } = tokenizer.encodeFlat!(
      cases.map(({ text }) => text),
      { allowedSpecial: "all", threads: 2 },
    );
    cases.forEach(({ all }, index) => {
      expect(Array.from(ids.subarray(offsets[index], offsets[index + 1]))).toEqual(all);
    });
  });

  test("gives the ids of Hugging Face tokenizers for what it trained", async () => {
    for (const { corpus, vocabSize, minFrequency, preTokenizer, special, cases } of golden<TrainedCase[]>(
      "trained.json",
    )) {
      const tokenizer = await using(implementation, () =>
        trainByteLevelBpe(corpus, { vocabSize, minFrequency, preTokenizer, specialTokens: { additional: special } }),
      );
      for (const one of cases) expect(Array.from(tokenizer.encode(one.text))).toEqual(one.none ?? one.all);
    }
  });

  const scripts = golden<ScriptsFixture>("scripts.json");
  test.each(scripts.tokenizers)(
    "$preTokenizer: scripts, code, emoji, control characters and long runs",
    async (fixture) => {
      const { preTokenizer, vocabSize, ids } = fixture;
      const tokenizer = await using(implementation, () =>
        trainByteLevelBpe(scripts.corpus, { vocabSize, preTokenizer }),
      );
      const texts = [...scripts.corpus, ...scripts.texts.map(([text, times]) => text.repeat(times))];
      texts.forEach((text, index) => {
        expect(Array.from(tokenizer.encode(text))).toEqual(ids[index]);
      });
    },
  );
});

/** Made by tools/parity/tokenization/make_scripts_fixture.py. */
interface ScriptsFixture {
  corpus: string[];
  /** A text and how often it is repeated; they come after the texts of the corpus. */
  texts: [string, number][];
  tokenizers: { preTokenizer: PreTokenizerName; vocabSize: number; ids: number[][] }[];
}

/** Without a list of the differences, which takes long for long ones. */
const isSame = (a: Uint32Array, b: Uint32Array) =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(new Uint8Array(b.buffer));

// A clone without Rust has no library; TypeScript then serves, and the tests of the rest run on it. `npm test` says so in a line of its own.
const withNative = native === undefined ? describe.skip : describe;

withNative("the native library against the TypeScript code", () => {
  test.each(NAMES)("%s: the same ids for any string, alone, in a batch and on threads", async (name) => {
    const ours = await using("native", trained(name));
    const oracle = await using("typescript", trained(name));
    const texts: string[] = [];
    fc.assert(
      fc.property(anyString, (text) => {
        const expected = oracle.encode(text);
        expect(ours.encode(text)).toEqual(expected);
        expect(ours.encode(text, { allowedSpecial: "all" })).toEqual(oracle.encode(text, { allowedSpecial: "all" }));
        texts.push(text);
      }),
      { seed: 11, numRuns: 400 },
    );
    for (const allowedSpecial of ["none", "all"] as const) {
      const expected = oracle.encodeFlat!(texts, { allowedSpecial });
      for (const threads of [1, 3]) expect(ours.encodeFlat!(texts, { allowedSpecial, threads })).toEqual(expected);
    }
    expect(ours.encodeBatch(texts, { threads: 2 })).toEqual(oracle.encodeBatch(texts));
  });

  test.each(["gpt2", "llama3", "qwen2"] as const)(
    "%s: every character is cut as there",
    (name) => {
      const cut = pieceEnd(name);
      for (let first = 0; first < 0x110000; first += 0x8000) {
        let text = "";
        for (let point = first; point < first + 0x8000; point++) text += `${String.fromCodePoint(point)}a1`;
        const expected: number[] = [];
        let bytes = 0;
        for (let start = 0; start < text.length; ) {
          const end = cut(text, start);
          bytes += utf8Length(text.slice(start, end));
          expected.push(bytes);
          start = end;
        }
        expect(isSame(native!.pieceEnds(name, encodeUtf8(text)), Uint32Array.from(expected))).toBe(true);
      }
    },
    120_000,
  );

  test("bytes that are no text are encoded all the same", () => {
    const encoder = new native!.NativeEncoder({
      byteIds: BYTE_IDS,
      merges: new Uint32Array(0),
      preTokenizer: "llama3",
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(Array.from(encoder.encodeBytes(bytes))).toEqual(Array.from(bytes));
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  test("a megabyte without a place to cut gives the ids of the oracle", async () => {
    const ours = await using("native", trained("gpt2"));
    const oracle = await using("typescript", trained("gpt2"));
    for (const unit of ["a", " ", "^", "ab", "你好", "aaaaaaab"]) {
      const text = unit.repeat(1_000_000 / unit.length);
      expect(isSame(ours.encode(text), oracle.encode(text))).toBe(true);
    }
  }, 120_000);
});

const BYTE_IDS = Uint32Array.from({ length: 256 }, (_, byte) => byte);

withNative("garbage from JavaScript", () => {
  const options = { byteIds: BYTE_IDS, merges: Uint32Array.of(97, 98, 256), preTokenizer: "gpt2" };

  test.each([
    ["too few ids", { ...options, byteIds: BYTE_IDS.slice(1) }, /byteIds: expected 256 ids, got 255/],
    [
      "an id that is too large",
      { ...options, byteIds: BYTE_IDS.map((id) => id + 2 ** 31) },
      /byteIds\[0\]: expected an id below/,
    ],
    ["half a merge", { ...options, merges: Uint32Array.of(1, 2) }, /merges: expected three numbers for each, got 2/],
    [
      "a merge of what is no id",
      { ...options, merges: Uint32Array.of(1, 2, 2 ** 31) },
      /merges\[0\]: expected ids below/,
    ],
    [
      "another expression",
      { ...options, preTokenizer: "x" },
      /preTokenizer: expected gpt2, llama3, qwen2 or none, got "x"/,
    ],
    [
      "offsets that do not fit",
      { ...options, wholePieces: { bytes: new Uint8Array(2), offsets: Uint32Array.of(0, 3), ids: Uint32Array.of(1) } },
      /wholePieces\[0\]: expected a range of 2 bytes, got 0 to 3/,
    ],
    [
      "ids without offsets",
      { ...options, wholePieces: { bytes: new Uint8Array(2), offsets: new Uint32Array(0), ids: Uint32Array.of(1) } },
      /wholePieces: expected 2 offsets for 1 ids, got 0/,
    ],
  ])("%s", (_, given, message) => {
    expect(() => new native!.NativeEncoder(given)).toThrow(message);
  });

  test("of any kind is an error or a result, never a crash", () => {
    const encoder = new native!.NativeEncoder(options) as unknown as Record<string, (...args: unknown[]) => unknown>;
    const create = native!.NativeEncoder as unknown as new (options: unknown) => unknown;
    const garbage = fc.oneof(
      fc.anything({ withTypedArray: true, withBigInt: true, withDate: true, withMap: true, withSparseArray: true }),
      fc.array(fc.string()),
      fc.uint32Array({ maxLength: 300 }),
      fc.constantFrom(options, { ...options, byteIds: [] }, Symbol("x"), () => 1, Number.NaN, -1, 2 ** 40),
    );
    const numbers = fc.uint32Array({ minLength: 0, maxLength: 60 });
    const small = fc.uint32Array({ minLength: 0, maxLength: 60, max: 300 });
    const tables = fc.record({
      byteIds: fc.oneof(fc.constant(BYTE_IDS), numbers),
      merges: fc.oneof(
        numbers,
        small,
        small.map((one) => one.slice(0, one.length - (one.length % 3))),
      ),
      preTokenizer: fc.constantFrom(...NAMES, ""),
      wholePieces: fc.option(fc.record({ bytes: fc.uint8Array(), offsets: small, ids: small }), { nil: undefined }),
    });
    const attempt = (call: () => unknown) => {
      try {
        return call();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        return undefined;
      }
    };
    fc.assert(
      fc.property(garbage, garbage, tables, anyString, (one, other, table, text) => {
        attempt(() => encoder["encode"]!(one));
        attempt(() => encoder["encodeBytes"]!(one));
        attempt(() => encoder["encodeBatch"]!(one, other));
        attempt(() => encoder["encodeBatch"]!([one, text], 2));
        attempt(() => native!.pieceEnds(one as string, other as Uint8Array));
        attempt(() => new create(one));
        const made = attempt(() => new create(table)) as typeof encoder | undefined;
        if (made !== undefined) attempt(() => made["encode"]!(text));
      }),
      { seed: 13, numRuns: 1500 },
    );
    expect(Array.from(encoder["encode"]!("abc") as Uint32Array)).toEqual([256, 99]);
  });
});

test.each([0, 1.5, 1025, Number.NaN])("%s threads are refused", async (threads) => {
  const tokenizer: Tokenizer = await trained("gpt2")();
  const refused = expect.objectContaining({
    code: "TOKENIZER_OPTIONS_INVALID",
    message: expect.stringContaining("threads"),
  });
  expect(() => tokenizer.encodeFlat!(["a"], { threads })).toThrow(refused);
  expect(() => tokenizer.encodeBatch(["a"], { threads })).toThrow(refused);
});
