import { createHash } from "node:crypto";
import {
  countWords,
  mergeWordCounts,
  parseTokenizer,
  type TrainingProgress,
  trainCharacterBpe,
  trainWordLevel,
  trainWordPiece,
} from "@codex/tokenization";
import fc from "fast-check";
import { serializeJson } from "../src/base-tokenizer.ts";
import { golden } from "./golden.ts";
import { TRAINED } from "./trained.ts";

interface Case {
  corpus: string[];
  vocabSize: number;
  minFrequency: number;
  /** By id; of WordPiece: sorted. */
  vocab: string[];
  merges?: [string, string][];
  preTokenizer?: "whitespace" | "bert" | "bert-uncased";
}

interface Opened {
  sha256: string;
  vocabSize: number;
  cases: { text: string; ids: number[]; decoded: string }[];
}

/** Made by tools/parity/tokenization/train_fixtures.py. */
const theirs = golden<Record<"characterBpe" | "wordLevel" | "wordPiece" | "wordPieceBert", Case[]>>("trainers.json");
const opened = golden<Record<string, Opened>>("trained-opened.json");

const byId = (model: { readonly [field: string]: unknown }): string[] =>
  Object.entries(model.vocab as Record<string, number>)
    .sort((a, b) => a[1] - b[1])
    .map(([token]) => token);

test("character-level BPE has the vocabulary and the merges of Hugging Face tokenizers", async () => {
  for (const { corpus, vocabSize, minFrequency, vocab, merges } of theirs.characterBpe) {
    const { json } = await trainCharacterBpe(corpus, { vocabSize, minFrequency, characterCoverage: 1 });
    expect(byId(json.model)).toEqual(vocab);
    expect(json.model.merges).toEqual(merges);
  }
});

test("WordLevel has the vocabulary of Hugging Face tokenizers", async () => {
  for (const { corpus, vocabSize, minFrequency, vocab } of theirs.wordLevel) {
    const { json } = await trainWordLevel(corpus, { vocabSize, minFrequency });
    expect(byId(json.model)).toEqual(vocab);
  }
});

test("WordPiece has the tokens of Hugging Face tokenizers, where those are the same in all of its runs", async () => {
  expect(theirs.wordPiece.length).toBeGreaterThan(7);
  expect(theirs.wordPieceBert.length).toBeGreaterThan(1);
  for (const { corpus, vocabSize, minFrequency, vocab, preTokenizer } of [
    ...theirs.wordPiece,
    ...theirs.wordPieceBert,
  ]) {
    const { json } = await trainWordPiece(corpus, { vocabSize, minFrequency, preTokenizer: preTokenizer! });
    expect(new Set(byId(json.model))).toEqual(new Set(vocab));
  }
});

test.each(Object.keys(TRAINED))("%s: Hugging Face tokenizers has opened this very file", async (name) => {
  const { json, config, manifest } = await TRAINED[name]!();
  const sha256 = createHash("sha256").update(serializeJson(json)).digest("hex");
  expect({ sha256, vocabSize: byId(json.model).length }).toEqual({
    sha256: opened[name]!.sha256,
    vocabSize: opened[name]!.vocabSize,
  });
  expect(manifest.result).toMatchObject({ sha256, vocab_size: opened[name]!.vocabSize });
  const tokenizer = parseTokenizer(json, { config, manifest });
  for (const { text, ids, decoded } of opened[name]!.cases) {
    expect([...tokenizer.encode(text, { allowedSpecial: "all" })]).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  }
});

test("counts, merged from parts in any order, give the files that the texts give", async () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\u00e9", "#", " "), maxLength: 30 }), {
    minLength: 2,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 270, max: 300 }), async (texts, vocabSize) => {
      fc.pre(texts.join("") !== "");
      for (const [preTokenizer, train] of [
        ["metaspace", trainCharacterBpe],
        ["whitespace", trainWordPiece],
        ["whitespace", trainWordLevel],
      ] as const) {
        const parts = await Promise.all(texts.map((one) => countWords([one], { preTokenizer })));
        const merged = await mergeWordCounts(parts.toReversed());
        expect((await train(merged, { vocabSize })).json).toEqual((await train(texts, { vocabSize })).json);
      }
    }),
    { seed: 11, numRuns: 60 },
  );
});

test("characters beyond the coverage get no token, and no merge reaches over one", async () => {
  const corpus = ["ab".repeat(500), "a\u4f60b".repeat(2)];
  const { json } = await trainCharacterBpe(corpus, { vocabSize: 280, characterCoverage: 0.99 });
  const tokens = byId(json.model);
  expect(tokens.slice(259, 262)).toEqual(["a", "b", "ab"]);
  expect(tokens).not.toContain("\u4f60");
  expect(json.model.byte_fallback).toBe(true);
  // "a" and "b" around it: were the gap closed, its pairs would count like any other.
  const gapped = await trainCharacterBpe(["a\u4f60b".repeat(9), "ccc".repeat(999)], {
    vocabSize: 300,
    characterCoverage: 0.99,
  });
  expect(byId(gapped.json.model)).not.toContain("ab");
});

test("half of a surrogate pair gets no token", async () => {
  const corpus = ["a\ud83d a\ud83d \ude00"];
  const special = { unk: "[UNK]" };
  const options = { vocabSize: 300, characterCoverage: 1 };
  const { json } = await trainCharacterBpe(corpus, options);
  expect(byId(json.model).slice(259)).toEqual(["a", "\u2581", "\u2581a"]);
  expect(byId((await trainWordLevel(corpus, { vocabSize: 9 })).json.model)).toEqual(["[UNK]"]);
  const pieces = await trainWordPiece(corpus, { vocabSize: 9, specialTokens: special });
  expect(byId(pieces.json.model)).toEqual(["[UNK]", "a"]);
});

test("WordPiece keeps the most frequent characters; two pairs that make one name share its id", async () => {
  const { json } = await trainWordPiece(["aaa bb c", "a"], { vocabSize: 12, limitAlphabet: 2 });
  expect(byId(json.model).slice(5)).toEqual(["a", "b", "##a", "##b", "aa", "bb", "aaa"]);
  const hashes = await trainWordPiece(["### ##", "###"], { vocabSize: 30 });
  expect(new Set(byId(hashes.json.model)).size).toBe(byId(hashes.json.model).length);
});

test.each([
  [
    () => trainCharacterBpe(["abc"], { vocabSize: 260 }),
    "TOKENIZER_VOCAB_TOO_SMALL",
    "at least 263 (3 special tokens, 256 bytes, 4 characters)",
  ],
  [() => trainWordPiece(["abc"], { vocabSize: 9 }), "TOKENIZER_VOCAB_TOO_SMALL", "at least 10"],
  [() => trainWordLevel(["abc"], { vocabSize: 0 }), "TOKENIZER_OPTIONS_INVALID", "vocabSize"],
  [() => trainWordLevel(["abc"], { vocabSize: 5, minFrequency: -1 }), "TOKENIZER_OPTIONS_INVALID", "minFrequency"],
  [
    () => trainCharacterBpe(["abc"], { vocabSize: 400, characterCoverage: 0 }),
    "TOKENIZER_OPTIONS_INVALID",
    "characterCoverage: expected a number above 0, at most 1, got 0",
  ],
  [
    () => trainCharacterBpe(["abc"], { vocabSize: 400, specialTokens: { unk: "<0x41>" } }),
    "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
    "<0x41>",
  ],
  [
    () => trainCharacterBpe(["abc"], { vocabSize: 400, specialTokens: { unk: "a" } }),
    "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
    '"a"',
  ],
  [
    () => trainWordPiece(["abc"], { vocabSize: 400, specialTokens: { unk: "##b" } }),
    "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
    "##b",
  ],
  [
    () => trainWordPiece(["a"], { vocabSize: 400, preTokenizer: "gpt2" as "bert" }),
    "TOKENIZER_OPTIONS_INVALID",
    "preTokenizer: expected one of whitespace, bert, bert-uncased",
  ],
  [() => trainWordPiece([""], { vocabSize: 400 }), "TOKENIZER_CORPUS_EMPTY", "1 empty documents"],
])("%s is refused", async (train, code, message) => {
  await expect(train()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

test("progress has a rate, and the time that is left", async () => {
  const seen: TrainingProgress[] = [];
  await trainWordPiece(["ab ".repeat(1000)], {
    vocabSize: 9,
    specialTokens: { unk: "[UNK]" },
    onProgress: (progress) => seen.push(progress),
  });
  expect(seen.map(({ phase }) => phase)).toEqual(["count", "merge"]);
  expect(seen[0]).toMatchObject({ bytes: 3000, bytesPerSecond: expect.any(Number) });
  expect(seen[1]).toMatchObject({ tokens: 5, vocabSize: 9, secondsLeft: expect.any(Number) });
});
