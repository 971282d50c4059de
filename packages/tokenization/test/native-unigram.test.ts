/** Unigram pipelines: the native library gives the ids of the TypeScript code for every text. */
import { type EncodeOptions, parseTokenizer, type Tokenizer, trainUnigram } from "@codex/tokenization";
import fc from "fast-check";
import { AlignedText } from "../src/pipeline/aligned-text.ts";
import { asRustReads } from "../src/pipeline/models/json-number.ts";
import { planUnigram } from "../src/pipeline/native/unigram-plan.ts";
import { readPrecompiled } from "../src/pipeline/normalizers/precompiled.ts";
import { golden } from "./golden.ts";
import { native, using } from "./native.ts";
import { golden as pipelineGolden, type Shape, withCharsMap } from "./pipeline/golden.ts";

const scripts = golden<{ corpus: string[]; texts: [string, number][] }>("scripts.json");
const SCRIPTS = [...scripts.corpus, ...scripts.texts.map(([text, times]) => text.repeat(Math.min(times, 2000)))];
const MARK = "\u2581";

const precompiled = { type: "Precompiled", precompiled_charsmap: "nmt-nfkc.bin.gz" };
const replace = (find: string, content: string) => ({ type: "Replace", pattern: { String: find }, content });
const squeeze = (content: string) => ({ type: "Replace", pattern: { Regex: " {2,}" }, content });
const strip = (left: boolean) => ({ type: "Strip", strip_left: left, strip_right: true });
const prepend = { type: "Prepend", prepend: MARK };
const sequence = (...normalizers: object[]) => ({ type: "Sequence", normalizers });
const metaspace = (prepend_scheme: string, split: boolean) => ({
  type: "Metaspace",
  replacement: MARK,
  prepend_scheme,
  split,
});
const splitFirst = (...pretokenizers: object[]) => ({
  type: "Sequence",
  pretokenizers: [{ type: "WhitespaceSplit" }, ...pretokenizers],
});

const PIPELINES: Record<string, { normalizer: object | null; pre_tokenizer: object | null }> = {
  ours: { normalizer: null, pre_tokenizer: metaspace("always", true) },
  T5: { normalizer: sequence(precompiled, strip(false), squeeze(MARK)), pre_tokenizer: metaspace("always", true) },
  "T5 of today": {
    normalizer: sequence(precompiled, strip(true), squeeze(MARK)),
    pre_tokenizer: metaspace("first", true),
  },
  "XLM-R": { normalizer: precompiled, pre_tokenizer: splitFirst(metaspace("always", true)) },
  ALBERT: {
    normalizer: sequence(
      ...[replace("``", '"'), replace("''", '"')],
      ...["NFKD", "StripAccents", "Lowercase"].map((type) => ({ type })),
      ...[precompiled, squeeze(" ")],
    ),
    pre_tokenizer: metaspace("always", false),
  },
  "all white space": {
    normalizer: sequence(precompiled, prepend, replace(" ", MARK)),
    pre_tokenizer: null,
  },
  NMT: { normalizer: sequence({ type: "Nmt" }, { type: "NFKC" }), pre_tokenizer: metaspace("never", true) },
  NFC: { normalizer: { type: "NFC" }, pre_tokenizer: splitFirst(metaspace("first", false)) },
  NFD: { normalizer: sequence({ type: "NFD" }, strip(true)), pre_tokenizer: splitFirst() },
};

type Model = Record<string, unknown> & { vocab: [string, number][] };

let json: { version: string; model: Model; [field: string]: unknown };

beforeAll(async () => {
  // Round scores give ties; half a pair of surrogates is no token of a character.
  const trained = await trainUnigram(SCRIPTS, { vocabSize: 1500, maxPieceLength: 8 });
  const { model, ...rest } = trained.json;
  const vocab = (model.vocab as [string, number][]).map(([token, score]): [string, number] => [
    token,
    Math.round(score * 2) / 2,
  ]);
  vocab.push(["\ud83d", -3], ["a\ud83d", -2], ["\ude00", -3.5], ["<extra>", -1], ["the the", -4], [`e${MARK}`, -5]);
  const added = rest["added_tokens"] as object[];
  const extra = { id: vocab.length - 3, content: "<extra>", special: true, normalized: false, lstrip: true };
  json = { ...rest, added_tokens: [...added, extra], version: "1.0", model: { ...model, vocab } };
});

const changed = (name: string, model: object = {}, more: object = {}) =>
  withCharsMap({ ...json, ...PIPELINES[name], ...more, model: { ...json.model, ...model } });

const both = async (file: object): Promise<{ ours: Tokenizer; oracle: Tokenizer }> => ({
  ours: await using("native", () => parseTokenizer(file)),
  oracle: await using("typescript", () => parseTokenizer(file)),
});

/** Without a list of the differences, which takes long for long texts. */
const isSame = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Buffer.from(Uint32Array.from(a).buffer).equals(Buffer.from(Uint32Array.from(b).buffer));

const attempt = (tokenizer: Tokenizer, text: string, options?: EncodeOptions): unknown => {
  try {
    return Array.from(tokenizer.encode(text, options));
  } catch (error) {
    return String(error);
  }
};

const parts = [
  ...["\ud83d", "\ude00", "\ud83d\ude00", "a", "the ", " ", "  ", "\t", "\r\n", "\r", "\n", MARK, "<s>", "<unk>"],
  ...["<extra>", " <extra> ", "<0x41>", "é", "e\u0301", "\u0301", "\u0323", "\u0344", "\u00a8", "\uff21", "\ufb01"],
  ...[
    "你好",
    "\u3000",
    "\u1100",
    "\u1161",
    "\u11a8",
    "가",
    "\u3131",
    "\uff76\uff9e",
    "\u200d",
    "\ufe0f",
    "1\ufe0f\u20e3",
  ],
  ...[
    "👩\u200d💻",
    "🇩🇪",
    "🇫",
    "क्ष",
    "\u0915\u094d",
    "\u0600",
    "\u0627\u0653",
    "\u0000",
    "\u0001",
    "\u00ad",
    "``",
    "''",
    "İ",
  ],
];
const anyString = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 100 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((chosen) => chosen.join("")),
  fc
    .array(fc.constantFrom(...parts, ...SCRIPTS.map((text) => text.slice(0, 20))), { maxLength: 20 })
    .map((chosen) => chosen.join("")),
);

// A clone without Rust has no library; TypeScript then serves, and the tests of the rest run on it.
const withNative = native === undefined ? describe.skip : describe;

withNative.each(Object.keys(PIPELINES))("%s", (name) => {
  test("is a pipeline that the library has", () => {
    expect(planUnigram(changed(name))).toBeDefined();
  });

  test("the same ids for scripts and random strings, alone, in a batch and on threads", async () => {
    const { ours, oracle } = await both(changed(name));
    const texts = [...SCRIPTS];
    fc.assert(
      fc.property(anyString, (text) => {
        for (const allowedSpecial of ["none", "all"] as const) {
          expect(attempt(ours, text, { allowedSpecial })).toEqual(attempt(oracle, text, { allowedSpecial }));
        }
        texts.push(text);
      }),
      { seed: 21, numRuns: 400 },
    );
    for (const text of SCRIPTS) expect(isSame(ours.encode(text), oracle.encode(text))).toBe(true);
    for (const allowedSpecial of ["none", "all", new Set(["<extra>"])] as const) {
      const expected = oracle.encodeFlat!(texts, { allowedSpecial });
      for (const threads of [1, 3]) {
        // A tokenizer that has learned nothing yet.
        const fresh = await using("native", () => parseTokenizer(changed(name)));
        for (const tokenizer of [ours, fresh]) {
          const { ids, offsets } = tokenizer.encodeFlat!(texts, { allowedSpecial, threads });
          expect(isSame(ids, expected.ids) && isSame(offsets, expected.offsets)).toBe(true);
        }
      }
    }
    const options = { maxLength: 16, truncation: true, padding: "longest", padId: 1, threads: 2 } as const;
    expect(ours.encodeBatch(texts.slice(0, 50), options)).toEqual(oracle.encodeBatch(texts.slice(0, 50), options));
  }, 120_000);
});

withNative("every code point", () => {
  test.each(["T5", "NMT"])(
    "%s: after a letter, and before a mark",
    async (name) => {
      const { ours, oracle } = await both(changed(name));
      for (let first = 0; first < 0x110000; first += 0x2000) {
        // Of the planes in which there is nothing, the start.
        if (first >= 0x40000 && first < 0xe0000 && first % 0x10000 !== 0) continue;
        let text = "";
        for (let point = first; point < first + 0x2000; point++) {
          const character = String.fromCodePoint(point);
          text += `a${character}`;
          if (point < 0x1000) text += ` ${character}\u0301x`; // what is written with marks, and what is shorter than three bytes
        }
        if (!isSame(ours.encode(text), oracle.encode(text))) throw new Error(`from U+${first.toString(16)} on`);
      }
    },
    600_000,
  );
});

test("a line break after a letter that is not ASCII is one cluster, as in Hugging Face tokenizers", () => {
  const normalize = readPrecompiled(withCharsMap(precompiled), "normalizer");
  const results = ["\uac00\r\n", "a\r\nb", "\u00e9\r\n\r\n", "\r\n\uac00"].map(
    (text) => normalize(AlignedText.of(text, false)).text,
  );
  expect(results).toEqual(["\uac00 ", "a b", "\u00e9  ", " \uac00"]);
});

test("scores are those that Hugging Face tokenizers reads, to the last bit", () => {
  // Left: in a file; right: in the same file when tokenizers 0.23.3 has read and written it.
  const pairs: [number, number][] = [
    [-1.3798934811038315, -1.3798934811038317],
    [-7.2262537174291035, -7.226253717429104],
    [-7.2961307173603895, -7.296130717360389],
    [-8.874242663172808, -8.874242663172808],
    [-1e-7, -1e-7],
    [0, 0],
    [-12, -12],
  ];
  for (const [written, read] of pairs) expect(asRustReads(written)).toBe(read);
  for (const extreme of [Number.MIN_VALUE, Number.MAX_VALUE, -1.5e21]) expect(asRustReads(extreme)).toBe(extreme);
});

withNative("models", () => {
  const CASES: Record<string, object> = {
    "without bytes": { byte_fallback: false },
    "without a token for the unknown": { unk_id: null },
    "with an unknown token of several characters": { byte_fallback: false, unk_id: 300 },
    "of one score": {},
  };

  test.each(Object.keys(CASES))("%s", async (name) => {
    const model = { ...CASES[name] };
    if (name === "of one score") Object.assign(model, { vocab: json.model.vocab.map(([token]) => [token, -1]) });
    const { ours, oracle } = await both(changed("T5", model));
    const texts: string[] = [];
    fc.assert(
      fc.property(anyString, (text) => {
        const expected = attempt(oracle, text);
        expect(attempt(ours, text)).toEqual(expected);
        if (typeof expected !== "string") texts.push(text);
      }),
      { seed: 22, numRuns: 300 },
    );
    expect(ours.encodeFlat!(texts, { threads: 2 })).toEqual(oracle.encodeFlat!(texts));
  });

  test("a long text in one piece is linear, and gives the ids of the oracle", async () => {
    for (const name of ["T5", "all white space"]) {
      const { ours, oracle } = await both(changed(name));
      for (const unit of ["a", " ", "\u0301", "你好", "ab\u0301", "\u{1f600}", "\u0007", "the the "]) {
        const text = unit.repeat(100_000 / unit.length);
        if (!isSame(ours.encode(text), oracle.encode(text))) throw new Error(`${name}: ${JSON.stringify(unit)}`);
      }
    }
  }, 300_000);

  test("a character map that lies gives the ids of the oracle", async () => {
    const bytes = Buffer.from((withCharsMap(precompiled) as typeof precompiled).precompiled_charsmap, "base64");
    let state = 5;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 6; round++) {
      const wrong = Buffer.from(bytes);
      for (let i = 0; i < 3000; i++) wrong[4 + random(wrong.length - 4)] = random(256);
      const normalizer = { type: "Precompiled", precompiled_charsmap: wrong.toString("base64") };
      const { ours, oracle } = await both({ ...changed("XLM-R"), normalizer });
      fc.assert(
        fc.property(anyString, (text) => {
          expect(attempt(ours, text)).toEqual(attempt(oracle, text));
        }),
        { seed: 23 + round, numRuns: 100 },
      );
    }
  }, 120_000);

  test("pipelines that the library does not have are encoded all the same", async () => {
    const digits = { type: "Sequence", pretokenizers: [metaspace("always", true), { type: "Digits" }] };
    for (const more of [
      { pre_tokenizer: digits },
      { normalizer: { type: "Replace", pattern: { Regex: "a+" }, content: "b" } },
      { normalizer: sequence({ type: "NFC" }, strip(true), { type: "Lowercase" }) },
    ]) {
      expect(planUnigram(changed("T5", {}, more))).toBeUndefined();
      const { ours, oracle } = await both(changed("T5", {}, more));
      for (const text of SCRIPTS) expect(isSame(ours.encode(text), oracle.encode(text))).toBe(true);
    }
  });

  test("added tokens of normalized text are found all the same", async () => {
    const added_tokens = [{ id: json.model.vocab.length, content: "the", special: false, normalized: true }];
    const { ours, oracle } = await both(changed("T5", {}, { added_tokens }));
    const ids = Array.from(ours.encode("\uff54he other <extra> the"));
    expect(ids).toContain(json.model.vocab.length);
    expect(ids).toEqual(Array.from(oracle.encode("\uff54he other <extra> the")));
  });
});

withNative("Hugging Face tokenizers made the ids of the shapes", () => {
  const shapes = pipelineGolden<Shape[]>("shapes.json.gz").filter(({ json }) => json.model["type"] === "Unigram");

  test.each(shapes)("$name: also in a batch", async ({ json, texts, cases }) => {
    const file = { version: "1.0", ...withCharsMap(json) };
    expect(planUnigram(file as never)).toBeDefined();
    const tokenizer = await using("native", () => parseTokenizer(file));
    const { ids, offsets } = tokenizer.encodeFlat!(texts, { allowedSpecial: "all", threads: 2 });
    cases.forEach((one, index) => {
      expect(Array.from(ids.subarray(offsets[index], offsets[index + 1]))).toEqual(one.ids);
    });
  });
});

withNative("garbage from JavaScript", () => {
  const options = {
    bytes: Buffer.from("ab"),
    offsets: Uint32Array.of(0, 1, 2),
    ids: Uint32Array.of(0, 1),
    scores: Float64Array.of(-1, -2),
    unknown: { id: 0, score: -12 },
    steps: [],
    splitsWhiteSpace: false,
  };

  test.each([
    ["an id without a score", { ...options, ids: Uint32Array.of(0, 2) }, /tokens: expected ids below 2/],
    ["offsets outside", { ...options, offsets: Uint32Array.of(0, 1, 3) }, /offsets: expected a range of 2 bytes/],
    ["offsets that fall", { ...options, offsets: Uint32Array.of(2, 1, 2) }, /offsets: expected a range/],
    ["no offsets", { ...options, offsets: new Uint32Array(0) }, /offsets: expected 3 for 2 ids, got 0/],
    ["an empty token", { ...options, offsets: Uint32Array.of(0, 0, 2) }, /texts that are not empty/],
    ["an unknown token that is too large", { ...options, unknown: { id: 2 ** 31, score: 0 } }, /id below 2\^26/],
    ["a few byte ids", { ...options, unknown: { id: 0, score: 0, byteIds: new Uint32Array(3) } }, /256 ids, got 3/],
    ["another step", { ...options, steps: [{ kind: "x" }] }, /steps: expected units/],
    ["a search for nothing", { ...options, steps: [{ kind: "replace", find: "", content: "" }] }, /not empty/],
    ["two steps of units", { ...options, steps: [{ kind: "units" }, { kind: "units" }] }, /one of units at most/],
    ["a long mark", { ...options, metaspace: { replacement: "ab", prepend: "always", split: true } }, /one character/],
    ["another scheme", { ...options, metaspace: { replacement: "a", prepend: "x", split: true } }, /prepend: expected/],
  ])("%s", (_, given, message) => {
    expect(() => new native!.NativeUnigramEncoder(given as never)).toThrow(message);
  });

  test("of any kind is an error or a result, never a crash", () => {
    const encoder = new native!.NativeUnigramEncoder({ ...options, steps: [{ kind: "units" }] });
    const loose = encoder as unknown as Record<string, (...args: unknown[]) => unknown>;
    const create = native!.NativeUnigramEncoder as unknown as new (options: unknown) => unknown;
    const garbage = fc.oneof(
      fc.anything({ withTypedArray: true, withBigInt: true, withDate: true }),
      fc.array(fc.string({ unit: "binary" })),
      fc.uint8Array(),
      fc.constantFrom(options, Symbol("x"), -1, 2 ** 40),
    );
    const call = (one: () => unknown): void => {
      try {
        one();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    };
    fc.assert(
      fc.property(garbage, garbage, garbage, anyString, (one, other, third, text) => {
        call(() => loose["encode"]!(one, other));
        call(() => loose["encodeBatch"]!(one, other));
        call(() => loose["learn"]!(one, other, third));
        call(() => loose["learn"]!([text], [text], Uint8Array.of(255)));
        call(() => loose["encode"]!(text, true));
        call(() => loose["unknownUnits"]!());
        call(() => new create(one));
      }),
      { seed: 24, numRuns: 1000 },
    );
    const fresh = new native!.NativeUnigramEncoder(options);
    expect(Array.from(fresh.encode("abba", true)!)).toEqual([0, 1, 1, 0]);
  });
});
