import fc from "fast-check";
import { golden, parse, type Shape, withCharsMap } from "./golden.ts";

const WORDS = { type: "WordLevel", vocab: { a: 0, "<unk>": 1 }, unk_token: "<unk>" };
const BPE = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };
const UNIGRAM = { type: "Unigram", unk_id: 0, vocab: [["<unk>", 0]] };
const nested = (depth: number, inner: object, field: string): object =>
  depth === 0 ? inner : { type: "Sequence", [field]: [nested(depth - 1, inner, field)] };
const split = (Regex: unknown) => ({
  pre_tokenizer: { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
});

test.each<[string, object, string, RegExp]>([
  ["a model of a new kind", { model: { type: "New", vocab: {} } }, "TOKENIZER_UNSUPPORTED", /model\.type/],
  ["a vocabulary that is a list", { model: { ...WORDS, vocab: [] } }, "TOKENIZER_FILE_INVALID", /model\.vocab/],
  ["an id that is huge", { model: { ...WORDS, vocab: { a: 2 ** 40 } } }, "TOKENIZER_FILE_INVALID", /2\^26/],
  ["two tokens of one id", { model: { ...WORDS, vocab: { a: 0, b: 0 } } }, "TOKENIZER_FILE_INVALID", /"b"/],
  ["scores that are text", { model: { ...UNIGRAM, vocab: [["a", "0"]] } }, "TOKENIZER_FILE_INVALID", /vocab\[0\]\[1\]/],
  ["an unk_id outside", { model: { ...UNIGRAM, unk_id: 5 } }, "TOKENIZER_FILE_INVALID", /unk_id/],
  [
    "a token of 2000 characters",
    { model: { ...UNIGRAM, vocab: [["a".repeat(2000), 0]] } },
    "TOKENIZER_UNSUPPORTED",
    /1024/,
  ],
  ["a merge of what is not there", { model: { ...BPE, merges: ["a c"] } }, "TOKENIZER_FILE_INVALID", /merges\[0\]/],
  [
    "a merge that makes what is not there",
    { model: { ...BPE, merges: ["b a"] } },
    "TOKENIZER_FILE_INVALID",
    /merges\[0\].*"ba"/,
  ],
  ["dropout above 1", { model: { ...BPE, dropout: 2 } }, "TOKENIZER_FILE_INVALID", /dropout/],
  [
    "a word length that is text",
    { model: { type: "WordPiece", vocab: {}, max_input_chars_per_word: "1" } },
    "TOKENIZER_FILE_INVALID",
    /max_input/,
  ],
  [
    "normalizers in each other",
    { normalizer: nested(40, { type: "NFC" }, "normalizers") },
    "TOKENIZER_UNSUPPORTED",
    /at most 16/,
  ],
  [
    "pre-tokenizers in each other",
    { pre_tokenizer: nested(40, { type: "Whitespace" }, "pretokenizers") },
    "TOKENIZER_UNSUPPORTED",
    /at most 16/,
  ],
  [
    "decoders in each other",
    { decoder: nested(40, { type: "Fuse" }, "decoders") },
    "TOKENIZER_UNSUPPORTED",
    /at most 16/,
  ],
  [
    "nothing in a sequence",
    { normalizer: { type: "Sequence", normalizers: [null] } },
    "TOKENIZER_FILE_INVALID",
    /normalizer/,
  ],
  [
    "a character map that is none",
    { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } },
    "TOKENIZER_FILE_INVALID",
    /charsmap/,
  ],
  [
    "a character map that lies",
    { normalizer: { type: "Precompiled", precompiled_charsmap: "/////w==" } },
    "TOKENIZER_FILE_INVALID",
    /trie/,
  ],
  ["pieces of no length", { pre_tokenizer: { type: "FixedLength", length: 0 } }, "TOKENIZER_FILE_INVALID", /positive/],
  [
    "a behavior that is none",
    { pre_tokenizer: { type: "Punctuation", behavior: "isolated" } },
    "TOKENIZER_FILE_INVALID",
    /Isolated/,
  ],
  [
    "two characters for one",
    { pre_tokenizer: { type: "Metaspace", replacement: "ab" } },
    "TOKENIZER_FILE_INVALID",
    /one character/,
  ],
  [
    "metaspace that contradicts itself",
    { pre_tokenizer: { type: "Metaspace", replacement: "_", prepend_scheme: "first", add_prefix_space: false } },
    "TOKENIZER_FILE_INVALID",
    /prepend_scheme/,
  ],
  [
    "a template of unknown tokens",
    {
      post_processor: {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: "toString", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    },
    "TOKENIZER_FILE_INVALID",
    /toString/,
  ],
  ["an expression that is a number", split(5), "TOKENIZER_FILE_INVALID", /Regex/],
  ["an expression that does not end", split("(a"), "TOKENIZER_UNSUPPORTED", /unclosed group/],
  ["a reference to a group", split("(a)\\1"), "TOKENIZER_UNSUPPORTED", /escape \\1/],
  ["an endless repetition of nothing", split("(a*)*"), "TOKENIZER_UNSUPPORTED", /endless/],
  ["repetitions of repetitions", split("((a{999}){999}){999}"), "TOKENIZER_UNSUPPORTED", /too large/],
  ["repetitions of nothing", split("(((((?:){999}){999}){999}){999}){999}"), "TOKENIZER_UNSUPPORTED", /too large/],
  ["groups in groups", split("(".repeat(5000) + ")".repeat(5000)), "TOKENIZER_UNSUPPORTED", /nested/],
  ["a look-behind of any length", split("(?<=a+)b"), "TOKENIZER_UNSUPPORTED", /varying length/],
  ["a property that is none", split("\\p{Nothing}"), "TOKENIZER_UNSUPPORTED", /Nothing/],
  ["thousands of classes", split("[a]".repeat(1000)), "TOKENIZER_UNSUPPORTED", /256 classes/],
  ["an expression of a megabyte", split("a".repeat(2 ** 20)), "TOKENIZER_UNSUPPORTED", /characters/],
])("%s", (_, change, code, message) => {
  expect(() => parse({ model: WORDS, ...change })).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

test.each<[string, object]>([
  ["BertProcessing", { type: "BertProcessing", cls: ["[CLS]", 999], sep: ["<unk>", 1] }],
  [
    "a template",
    {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "x", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { x: { id: "x", ids: [5], tokens: ["x"] } },
    },
  ],
])("ids that no token has come out of no post-processor: %s", (_, post_processor) => {
  expect(() => parse({ model: WORDS, post_processor })).toThrow(
    expect.objectContaining({ code: "TOKENIZER_FILE_INVALID", message: expect.stringMatching(/post_processor/) }),
  );
});

describe("replacements that make text grow without measure are refused before they do", () => {
  const grow = { type: "Replace", pattern: { String: "a" }, content: "a".repeat(16) };
  const refused = expect.objectContaining({ code: "TOKENIZER_TEXT_TOO_LONG" });

  test.each<[string, object]>([
    ["one after the other", { type: "Sequence", normalizers: Array(16).fill(grow) }],
    ["in each other", nested(12, { type: "Sequence", normalizers: [grow, grow, grow] }, "normalizers")],
    ["bytes of bytes", { type: "Sequence", normalizers: Array(60).fill({ type: "ByteLevel" }) }],
    ["a long one", { ...grow, content: "a".repeat(2 ** 20) }],
  ])("normalizers %s", (_, normalizer) => {
    const tokenizer = parse({ model: WORDS, normalizer });
    expect(() => tokenizer.encode("a\u00e9".repeat(100))).toThrow(refused);
    expect(() => tokenizer.encodeFull("a\u00e9".repeat(100))).toThrow(refused);
  });

  test("decoders", () => {
    const decoder = { type: "Sequence", decoders: Array(16).fill(grow) };
    const tokenizer = parse({ model: WORDS, decoder });
    expect(() => tokenizer.decode([0, 0])).toThrow(refused);
  });
});

test("expressions in normalizers take linear time too", () => {
  const normalizer = { type: "Replace", pattern: { Regex: "(a+)+b" }, content: "x" };
  expect(parse({ model: WORDS, normalizer }).encode("a".repeat(20_000))).toEqual(Uint32Array.of(1));
});

test("an id of 2^26 - 1 costs no memory", () => {
  const added_tokens = [{ id: 2 ** 26 - 1, content: "<a>", special: true }];
  const tokenizer = parse({ model: WORDS, added_tokens });
  expect(tokenizer.vocabSize).toBe(2 ** 26);
  expect([...tokenizer.encode("<a>", { allowedSpecial: "all" })]).toEqual([2 ** 26 - 1]);
});

/** Each takes quadratic or exponential time in an engine that does not remember. */
test.each<[string, string]>([
  ["(a+)+b", "a"],
  ["(a|a)+b", "a"],
  ["(a|ab)(c|bcd)*(?=x)", "a"],
  ["\\s*[\\r\\n]+|b", " "],
  ["(?=(a+)+b)a", "a"],
  ["(?>(a|aa)+)b", "a"],
  ["a*?b", "a"],
])("%s takes no more than linear time", (Regex, character) => {
  const tokenizer = parse({ model: UNIGRAM, ...split(Regex) });
  const text = character.repeat(20_000);
  expect(tokenizer.encodeFull(text).tokens.join("")).toBe(text);
});

test("twenty thousand units of one character go through every shape", () => {
  for (const { name, json } of golden<Shape[]>("shapes.json.gz")) {
    const tokenizer = parse(withCharsMap(json));
    for (const character of ["a", " ", "^", "\u4f60", "\u0301", "\u{1f469}\u200d"]) {
      const text = character.repeat(Math.floor(20_000 / character.length));
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      expect([name, character, ids.length <= 4 * text.length + 4]).toEqual([name, character, true]);
    }
  }
});

test("any JSON in the place of any part is an error of ours, or a tokenizer", () => {
  const shapes = golden<Shape[]>("shapes.json.gz").filter(({ name }) =>
    ["bert-cased", "llama-2", "gpt-2"].includes(name),
  );
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.jsonValue({ maxDepth: 2 }), (which, where, value) => {
      const json = structuredClone(shapes[which % shapes.length]!.json);
      const places: [{ [key: string]: unknown }, string][] = [];
      const visit = (node: unknown): void => {
        if (typeof node !== "object" || node === null) return;
        for (const [key, child] of Object.entries(node)) {
          places.push([node as { [key: string]: unknown }, key]);
          if (key !== "vocab" && key !== "merges") visit(child);
        }
      };
      visit(json);
      const [node, key] = places[where % places.length]!;
      node[key] = value;
      try {
        parse(json).encodeFull("a b\u00e9 <s>", { allowedSpecial: "all", pair: "c" });
      } catch (error) {
        expect(error).toMatchObject({ name: "TokenizerError", code: expect.stringMatching(/^TOKENIZER_/) });
      }
    }),
    { seed: 5, numRuns: 400 },
  );
});

test("lone surrogates are text that no model knows, and do not break a pipeline", () => {
  for (const { json } of golden<Shape[]>("shapes.json.gz")) {
    const tokenizer = parse(withCharsMap(json));
    for (const text of ["\ud83d", "a\udc00b", "\udc00\ud83d"]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toEqual(expect.any(String));
      expect(tokenizer.encodeFull(text, { offsets: "bytes" }).ids).toEqual(tokenizer.encode(text));
    }
  }
});
