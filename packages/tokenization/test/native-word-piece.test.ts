/** WordPiece by the native library gives the ids of the TypeScript pipeline, which is the oracle, and those of Hugging Face tokenizers. */
import { type PipelineTokenizer, parseTokenizer, trainWordPiece } from "@codex/tokenization";
import fc from "fast-check";
import { nativeWordPiece } from "../src/pipeline/native-word-piece.ts";
import { golden as plainGolden } from "./golden.ts";
import { IMPLEMENTATIONS, native, using } from "./native.ts";
import { golden, type Shape } from "./pipeline/golden.ts";

interface Json {
  version: string;
  normalizer: object | null;
  pre_tokenizer: object | null;
  model: { type: "WordPiece"; vocab: Record<string, number>; [field: string]: unknown };
  [field: string]: unknown;
}

const parse = (json: object) => parseTokenizer(json) as PipelineTokenizer;
const vocabOf = (tokens: Iterable<string>) => Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
const bert = (options: object = {}) => ({
  type: "BertNormalizer",
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
  ...options,
});
const SPLIT = { type: "WhitespaceSplit" };
const BERT = { type: "BertPreTokenizer" };

function wordPiece(tokens: Iterable<string>, parts: object = {}): Json {
  const vocab = vocabOf(["[UNK]", ...tokens]);
  return {
    version: "1.0",
    added_tokens: [],
    normalizer: bert(),
    pre_tokenizer: BERT,
    model: { type: "WordPiece", vocab, unk_token: "[UNK]", continuing_subword_prefix: "##" },
    ...parts,
  };
}

/** The two, of one file. */
async function both(json: object): Promise<{ ours: PipelineTokenizer; oracle: PipelineTokenizer }> {
  return {
    ours: await using("native", () => parse(json)),
    oracle: await using("typescript", () => parse(json)),
  };
}

/** Whether the native library takes a text of this file. */
function takes(json: Json, text: string): boolean {
  const encoder = nativeWordPiece(json, new Map(Object.entries(json.model.vocab)), new Set());
  return (encoder?.encode(text) ?? null) !== null;
}

describe.each(IMPLEMENTATIONS)("%s", (implementation) => {
  const shapes = golden<Shape[]>("shapes.json.gz").filter(({ json }) => json.model["type"] === "WordPiece");

  test.each(shapes)("$name: the ids of Hugging Face tokenizers", async ({ json, texts, cases }) => {
    const tokenizer = await using(implementation, () => parse(json));
    const options = { allowedSpecial: "all", threads: 2 } as const;
    const { ids, offsets } = tokenizer.encodeFlat(texts, options);
    texts.forEach((text, index) => {
      const expected = cases[index]!.ids;
      expect([text, Array.from(tokenizer.encode(text, options))]).toEqual([text, expected]);
      expect(Array.from(ids.subarray(offsets[index], offsets[index + 1]))).toEqual(expected);
    });
  });

  test("special tokens come out of text only if asked for, added ones always", async () => {
    const json = wordPiece(["[CLS]", "[SEP]", "[PAD]", "a", "##b", "cls", "[", "]", "new", "word"], {
      pre_tokenizer: SPLIT,
      added_tokens: [
        { id: 1, content: "[CLS]", special: true, normalized: false },
        { id: 2, content: "[SEP]", special: true, normalized: false, lstrip: true, rstrip: true },
        { id: 3, content: "[PAD]", special: true, normalized: false },
        { id: 20, content: "NEW word", special: false, normalized: false, single_word: true },
      ],
      post_processor: { type: "BertProcessing", sep: ["[SEP]", 2], cls: ["[CLS]", 1] },
    });
    const tokenizer = await using(implementation, () => parse(json));
    const ids = (text: string, allowed?: "all" | ReadonlySet<string>) =>
      Array.from(tokenizer.encode(text, allowed === undefined ? {} : { allowedSpecial: allowed })).slice(1, -1);
    const [UNK, A, B] = [0, 4, 5];
    expect(ids("[cls] a")).toEqual([UNK, A]);
    expect(ids("[CLS] a [SEP]ab")).toEqual([UNK, A, UNK]);
    expect(ids("[CLS]a [SEP] ab", "all")).toEqual([1, A, 2, A, B]);
    expect(ids("[CLS]a [SEP] ab", new Set(["[SEP]"]))).toEqual([UNK, 2, A, B]);
    expect(ids("aNEW word NEW word! NEW words")).toEqual([UNK, 10, 20, UNK, 9, UNK]);
    expect(ids("", "all")).toEqual([]);
    expect(() => ids("a", new Set(["[NONE]"]))).toThrow(
      expect.objectContaining({ code: "TOKENIZER_SPECIAL_TOKEN_UNKNOWN" }),
    );
    const batch = tokenizer.encodeBatch(["ab", "a ab [SEP]", ""], {
      ...{ padding: "maxLength", maxLength: 5, truncation: true, allowedSpecial: "all", threads: 2 },
      padId: 3,
    });
    expect(batch.inputIds.map((row) => Array.from(row))).toEqual([
      [1, A, B, 2, 3],
      [1, A, A, B, 2],
      [1, 2, 3, 3, 3],
    ]);
  });
});

// A clone without Rust has no library; TypeScript then serves, and the tests of the rest run on it. `npm test` says so in a line of its own.
const withNative = native === undefined ? describe.skip : describe;

/** Without a list of the differences, which takes long for long ones. */
const isSame = (a: Uint32Array, b: Uint32Array) =>
  a.length === b.length && Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(new Uint8Array(b.buffer));

/** Every character of the first blocks, and all that others become. */
function manyCharacters(): string[] {
  const characters = new Set<string>();
  const add = (point: number): void => {
    const one = String.fromCodePoint(point);
    for (const text of [one.normalize("NFKD"), one.toLowerCase(), one.toLowerCase().normalize("NFD")]) {
      if (text !== one || point < 0x3100) for (const part of text) characters.add(part);
    }
  };
  for (let point = 0; point < 0x110000; point++) if (point < 0xd800 || point > 0xdfff) add(point);
  return [...characters];
}

withNative("the native library against the TypeScript code", () => {
  const characters = manyCharacters();

  test.each<[string, object | null, object]>([
    ["uncased", bert(), BERT],
    ["cased", bert({ lowercase: false }), BERT],
    ["lowercase with accents", bert({ strip_accents: false, clean_text: false }), SPLIT],
    [
      "a sequence",
      { type: "Sequence", normalizers: [{ type: "NFKD" }, { type: "Lowercase" }, { type: "StripAccents" }] },
      { type: "Whitespace" },
    ],
    [
      "another sequence",
      { type: "Sequence", normalizers: [{ type: "Nmt" }, { type: "Lowercase" }, { type: "NFD" }] },
      { type: "Sequence", pretokenizers: [SPLIT, { type: "Digits", individual_digits: true }] },
    ],
  ])(
    "%s: every character",
    async (name, normalizer, pre_tokenizer) => {
      const tokens = characters.flatMap((one) => [one, `##${one}`]);
      const json = wordPiece(tokens, { normalizer, pre_tokenizer });
      const { ours, oracle } = await both(json);
      const encoder = nativeWordPiece(json, new Map(Object.entries(json.model.vocab)), new Set())!;
      for (let first = 0; first < 0x110000; first += 0x1000) {
        // Beyond, characters are in no table but those of clean_text.
        if (name !== "uncased" && first >= 0x32000 && first !== 0xe0000) continue;
        let text = "";
        for (let point = first; point < first + 0x1000; point++) text += `${String.fromCodePoint(point)}B `;
        const expected = oracle.encode(text);
        if (!isSame(ours.encode(text), expected)) expect([first, ours.encode(text)]).toEqual([first, expected]);
        expect(encoder.encode(text)).not.toBeNull();
      }
    },
    240_000,
  );

  // Marks that stay and have an order, halves of pairs, and what is dropped between them; long words; what looks like a token.
  const parts = [
    "\u302e",
    "\u302f",
    "\u{1d165}",
    "\u{1d16d}",
    "\u0301",
    "\u0327",
    "\u0344",
    "\u05b0",
    "\u094d",
    "\u1b44",
  ]
    .concat(["\ud83d", "\ude00", "\u0000", "\u0001", "\u007f", "\ufffd", "\u200d", "\u00ad", "\ue000", "\u{f0000}"])
    .concat(["a", "B", "ab", "é", "É", "\u0130", "\u1e9e", "\u03a3", "\u212a", "\uff21", "\u01c5", "\ufb01", "\u00b9"])
    .concat([" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u0085", "\u2028", "\u180e", "\u200b", "\v", "_"])
    .concat([
      "-",
      "...",
      "$",
      "`",
      "\u201c",
      "\u2019",
      "\u3002",
      "1",
      "12",
      "\u0663",
      "\u00bd",
      "#",
      "##",
      "##a",
      "[UNK]",
    ])
    .concat(["你", "好", "\uf900", "\ufa0e", "\u{20000}", "\u{2b820}", "\u{2f800}", "한", "각", "\u1100", "かﾞ", "ไทย"])
    .concat(["x".repeat(99), "é".repeat(101), "ab".repeat(60), "👩\u200d💻", "\u{1f1e9}\u{1f1ea}", "привет", "Ёж"]);
  const anyText = fc.oneof(
    fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((chosen) => chosen.join("")),
    fc.string({ unit: "binary", maxLength: 100 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  );
  const flag = [true, false];
  const normalizers: (object | null)[] = flag.flatMap((clean_text) =>
    flag.flatMap((handle_chinese_chars) =>
      flag.flatMap((lowercase) =>
        [true, false, null].map((strip_accents) =>
          bert({ clean_text, handle_chinese_chars, lowercase, strip_accents }),
        ),
      ),
    ),
  );
  const sequence = (...steps: object[]) => ({ type: "Sequence", normalizers: steps });
  normalizers.push(
    null,
    { type: "Lowercase" },
    { type: "StripAccents" },
    sequence(),
    sequence({ type: "NFD" }, { type: "Lowercase" }, { type: "StripAccents" }),
    sequence({ type: "Lowercase" }, { type: "NFKD" }),
    sequence({ type: "Nmt" }, bert()),
    sequence({ type: "NFKD" }, { type: "NFD" }, { type: "StripAccents" }),
  );
  const pieces = (...steps: object[]) => ({ type: "Sequence", pretokenizers: steps });
  const punctuation = (behavior: string) => ({ type: "Punctuation", behavior });
  const preTokenizers: (object | null)[] = [
    BERT,
    SPLIT,
    { type: "Whitespace" },
    null,
    pieces(),
    punctuation("Contiguous"),
    pieces(SPLIT, punctuation("Removed")),
    pieces({ type: "Whitespace" }, { type: "Digits", individual_digits: false }, punctuation("Isolated")),
    pieces({ type: "CharDelimiterSplit", delimiter: "-" }, { type: "Digits", individual_digits: true }),
  ];
  const letters = [..."aAbBcCeEéÉxiIikKsS_-.$`#1239½\u0301\u302e你好世\u1112\u1161\u11abпривет한", "\u8c48", "\u0307"];
  const tokens = letters
    .flatMap((one) => [one, `##${one}`])
    .concat(["ab", "##ab", "##aba", "##xxxx", "пр", "12", "ss"]);

  test("any string, with any normalizer and pre-tokenizer that it has: alone, in a batch and on threads", async () => {
    const cases = [
      ...normalizers.map((normalizer) => [normalizer, BERT] as const),
      ...preTokenizers.map((preTokenizer) => [bert(), preTokenizer] as const),
      ...preTokenizers.map((preTokenizer, index) => [normalizers[index * 3]!, preTokenizer] as const),
    ];
    for (const [index, [normalizer, pre_tokenizer]] of cases.entries()) {
      const json = wordPiece(tokens, { normalizer, pre_tokenizer });
      expect(takes(json, "a")).toBe(true);
      const { ours, oracle } = await both(json);
      const texts: string[] = [];
      fc.assert(
        fc.property(anyText, (text) => {
          const [found, expected] = [ours.encode(text), oracle.encode(text)];
          if (!isSame(found, expected)) expect({ normalizer, pre_tokenizer, found }).toEqual({ found: expected });
          texts.push(text);
        }),
        { seed: 31 + index, numRuns: 25 },
      );
      const expected = oracle.encodeFlat(texts);
      const { ids, offsets } = ours.encodeFlat(texts, { threads: 2 });
      expect([isSame(ids, expected.ids), isSame(offsets, expected.offsets)]).toEqual([true, true]);
    }
  }, 240_000);

  test("what a table cannot say is left to the TypeScript code, text by text", async () => {
    const json = wordPiece(tokens);
    expect(takes(json, "a\u302e b\u302f")).toBe(true);
    expect(takes(json, "a\u302f\u302e")).toBe(false);
    expect(takes(json, "\ud83d a\ude00")).toBe(true);
    expect(takes(json, "\ud83d\u0001\ude00")).toBe(false);
    const { ours, oracle } = await both(json);
    const texts = ["ab", "a\u302f\u302e", "", "\ud83d\u0001\ude00", "b"];
    expect(ours.encodeFlat(texts, { threads: 2 })).toEqual(oracle.encodeFlat(texts));
  });

  test.each<[string, Partial<Json>]>([
    ["a normalizer that looks further", { normalizer: { type: "NFC" } }],
    ["one in a sequence", { normalizer: sequence({ type: "Lowercase" }, { type: "Prepend", prepend: "a" }) }],
    ["a pre-tokenizer that looks further", { pre_tokenizer: { type: "UnicodeScripts" } }],
    ["marks that go with a neighbour", { pre_tokenizer: punctuation("MergedWithNext") }],
    [
      "a token that is half of a pair",
      { model: { type: "WordPiece", vocab: vocabOf(["[UNK]", "\ud83d", "##\ude00"]), unk_token: "[UNK]" } },
    ],
    ["a prefix that is half of a pair", { model: { ...wordPiece(tokens).model, continuing_subword_prefix: "\ud83d" } }],
  ])("%s: TypeScript does it", async (_, parts) => {
    const json = wordPiece(tokens, parts);
    expect(takes(json, "a")).toBe(false);
    const { ours, oracle } = await both(json);
    for (const text of ["ab 😀 - a-b", "é\u0301"]) expect(ours.encode(text)).toEqual(oracle.encode(text));
  });

  test("an added token that is searched for in normalized text", async () => {
    const added = { id: 5000, content: "New Token", special: false, normalized: true };
    const { ours, oracle } = await both(wordPiece(tokens, { added_tokens: [added] }));
    for (const text of ["a new token b", "NÉW TOKEN", "newtoken"])
      expect(ours.encode(text)).toEqual(oracle.encode(text));
    expect(Array.from(ours.encode("NÉW TOKEN"))).toEqual([5000]);
  });

  test.each<[string, string[], Record<string, unknown>]>([
    ["no prefix", ["a", "b", "ab", "abc"], { continuing_subword_prefix: "" }],
    ["a prefix that no token has", ["a", "b", "ab"], { continuing_subword_prefix: "@@" }],
    ["a prefix that is a letter", ["a", "ab", "aab", "b"], { continuing_subword_prefix: "a" }],
    ["the prefix as a token", ["#", "##", "###", "a", "##a", "####"], {}],
    ["tokens with spaces", [" ", "a b", "## ", "a", "##b"], {}],
    ["an empty token", ["", "a", "##a", "##"], {}],
    ["words of one character", ["a", "##a", "é"], { max_input_chars_per_word: 1 }],
    ["no words", ["a", "##a"], { max_input_chars_per_word: 0 }],
    ["words of any length", ["a", "##a", `##${"a".repeat(50)}b`], { max_input_chars_per_word: 2 ** 52 }],
    ["no unknown token", ["a", "##a"], { unk_token: "[NONE]" }],
  ])("%s", async (_, names, options) => {
    const json = wordPiece(names, { pre_tokenizer: SPLIT });
    Object.assign(json.model, options);
    const { ours, oracle } = await both({ ...json, added_tokens: [] }).catch((error: unknown) => {
      // Without an unknown token there is nothing for the text that `using` tries.
      expect(options["unk_token"]).toBeDefined();
      expect(error).toMatchObject({ code: "TOKENIZER_UNKNOWN_CHARACTER" });
      return { ours: undefined, oracle: undefined };
    });
    for (const text of [
      "a",
      "aab abc",
      "#",
      "##",
      "### #### ##a",
      "a b",
      "é éé",
      "a".repeat(5000),
      `${"a".repeat(2001)}b`,
    ]) {
      expect(ours?.encode(text)).toEqual(oracle?.encode(text));
    }
  });

  test("a megabyte without a place to cut", async () => {
    const long = `##${"a".repeat(1000)}b`;
    const json = wordPiece(["a", "##a", "##b", "你", "好", "^", "##aaaab", long]);
    Object.assign(json.model, { max_input_chars_per_word: 10_000_000 });
    const { ours, oracle } = await both(json);
    for (const unit of ["a", "^", " ", "ab", "你好", "a\u0001", "é"]) {
      const text = unit.repeat(200_000 / unit.length);
      // There the long token is tried at every letter, which takes long.
      if (unit !== "a" && unit !== "a\u0001") expect(isSame(ours.encode(text), oracle.encode(text))).toBe(true);
    }
    expect(isSame(ours.encode("a".repeat(3000)), oracle.encode("a".repeat(3000)))).toBe(true);
    expect(ours.encode("a".repeat(1_000_000))).toHaveLength(1_000_000);
  }, 120_000);

  const scripts = plainGolden<{ corpus: string[]; texts: [string, number][] }>("scripts.json");
  test.each(["bert", "bert-uncased", "whitespace"] as const)(
    "%s, as trained: scripts, code, emoji, control characters and long runs",
    async (preTokenizer) => {
      const { json } = await trainWordPiece(scripts.corpus, { vocabSize: 3000, preTokenizer });
      const { ours, oracle } = await both(json);
      const texts = [...scripts.corpus, ...scripts.texts.map(([text, times]) => text.repeat(Math.min(times, 2000)))];
      for (const text of texts) expect(isSame(ours.encode(text), oracle.encode(text))).toBe(true);
      expect(ours.encodeFlat(texts, { threads: 2 })).toEqual(oracle.encodeFlat(texts));
    },
    120_000,
  );
});

withNative("garbage from JavaScript", () => {
  const options = {
    firsts: Uint32Array.of(0),
    actions: Uint32Array.of(2 << 21),
    lists: new Uint32Array(0),
    listStarts: Uint32Array.of(0),
    tokenBytes: Uint8Array.of(97),
    tokenOffsets: Uint32Array.of(0, 1),
    tokenIds: Uint32Array.of(5),
    prefix: new Uint8Array(0),
    unknown: 7,
    longestWord: 10,
  };

  test.each([
    ["no runs", { ...options, firsts: new Uint32Array(0), actions: new Uint32Array(0) }, /firsts: expected/],
    ["an action that is none", { ...options, actions: Uint32Array.of(3 << 28) }, /actions\[0\]: expected an action/],
    ["offsets that do not fit", { ...options, tokenOffsets: Uint32Array.of(0, 9) }, /tokens\[0\]: expected a range/],
    ["an id that is too large", { ...options, unknown: 2 ** 26 }, /unknown: expected an id below/],
  ])("%s", (_, given, message) => {
    expect(() => new native!.NativeWordPiece(given)).toThrow(message);
  });

  test("of any kind is an error or a result, never a crash", () => {
    const create = native!.NativeWordPiece as unknown as new (options: unknown) => Record<string, unknown>;
    const attempt = <Result>(call: () => Result): Result | undefined => {
      try {
        return call();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        return undefined;
      }
    };
    const garbage = fc.anything({ withTypedArray: true, withBigInt: true, withMap: true });
    const small = fc.uint32Array({ maxLength: 6, max: 8 });
    const table = fc.record({
      firsts: fc.oneof(fc.constant(options.firsts), small),
      actions: fc.oneof(fc.constant(options.actions), fc.uint32Array({ maxLength: 6 })),
      lists: fc.oneof(fc.constant(options.lists), small),
      listStarts: fc.oneof(fc.constant(options.listStarts), small),
      tokenBytes: fc.oneof(fc.constant(options.tokenBytes), fc.uint8Array({ maxLength: 8 })),
      tokenOffsets: fc.oneof(fc.constant(options.tokenOffsets), small),
      tokenIds: fc.oneof(fc.constant(options.tokenIds), small),
      prefix: fc.uint8Array({ maxLength: 2 }),
      unknown: fc.nat(),
      longestWord: fc.nat(),
    });
    fc.assert(
      fc.property(garbage, table, fc.string({ unit: "binary" }), (one, given, text) => {
        attempt(() => new create(one));
        const made = attempt(() => new create(given)) as Record<string, (...args: unknown[]) => unknown> | undefined;
        if (made === undefined) return;
        for (const call of [() => made["encode"]!(text), () => made["encode"]!(one)]) attempt(call);
        attempt(() => made["encodeBatch"]!([text, one], 2));
        attempt(() => made["encodeBatch"]!(one, one));
      }),
      { seed: 32, numRuns: 800 },
    );
    const encoder = new native!.NativeWordPiece(options);
    expect(Array.from(encoder.encode("aab")!)).toEqual([7]);
    expect(Array.from(encoder.encode("aaa")!)).toEqual([5, 5, 5]);
  });
});
