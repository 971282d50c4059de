/** `codex tokenizer`: looking into tokenizers, encoding with them, and taking them elsewhere. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { gzipSync } from "node:zlib";
import { trainingProgressText, trainTokenizer } from "@codex/pipeline";
import type { TrainingProgress } from "@codex/tokenization/registry";
import { run } from "../src/program.ts";
import { codex, contentsOf, expectRefused, project, TEXT } from "./harness.ts";

const formats = new URL("../../../packages/tokenization/test/golden/formats/", import.meta.url).pathname;
const directory = project({
  "words.txt": "the cat sat on the mat\n".repeat(40),
  "more/a.md": "caf\u00e9 \u4f60\u597d",
  "more/b.md": "x",
});

beforeAll(async () => {
  await codex(directory, "tokenizer", "train", "--input", "words.txt", "--output", "bpe", "--vocab-size", "280");
  await codex(directory, "tokenizer", "train", "--input", "words.txt", "--output", "char", "--kind", "char");
});

const json = async (...words: string[]) => {
  const { exitCode, out, err } = await codex(directory, "tokenizer", ...words, "--json");
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  return JSON.parse(out);
};
const text = async (...words: string[]) => {
  const { exitCode, out, err } = await codex(directory, "tokenizer", ...words);
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  return out;
};

test.each([
  ["train", true],
  ["count", true],
  ["export", true],
  ...["inspect", "encode", "decode", "validate", "stats", "compare"].map((name) => [name, false] as const),
] as const)("%s takes --json, and --dry-run if it writes", async (name, writes) => {
  const help = await text(name, "--help");
  expect(help).toContain("--json");
  expect(help.includes("--dry-run")).toBe(writes);
});

test("counts of parts train the tokenizer that the whole would", async () => {
  const train = (...source: string[]) => json("train", ...source, "--vocab-size", "280");
  const counted = await json("count", "--input", "more/a.md", "--output", "counts/a.counts");
  expect(counted).toEqual({ file: "counts/a.counts", documents: 1, bytes: 12, words: 2 });
  expect(await text("count", "--input", "words.txt", "--output", "words.counts", "--memory-budget-mb", "1")).toMatch(
    /^\d+ words in 1 documents, 920 bytes of text\nwritten to words\.counts\n$/,
  );
  await train("--counts", "counts/a.counts", "words.counts", "--output", "of-counts");
  const result = await train("--input", "words.txt", "more/a.md", "--output", "of-texts");
  expect(result.bytes).toBe(932);
  const [ofCounts, ofTexts] = ["of-counts", "of-texts"].map((name) =>
    readFileSync(join(directory, name, "tokenizer.json"), "utf8"),
  );
  expect(ofCounts).toBe(ofTexts);

  const refused = async (source: string[], code: string, says: string) =>
    expectRefused(await codex(directory, "tokenizer", "train", ...source, "--output", "x"), {
      ...{ exitCode: 2, code },
      says: [says],
    });
  await refused([], "CONFIG_USAGE", "--input or --counts");
  await refused(["--input", "words.txt", "--counts", "words.counts"], "CONFIG_USAGE", "--input or --counts");
  await refused(["--kind", "sentencepiece", "--counts", "words.counts"], "TOKENIZER_OPTIONS_INVALID", "gpt2");
  expect(existsSync(join(directory, "x"))).toBe(false);
});

test("a dry run of training checks everything, says what would be read, and writes nothing", async () => {
  const before = contentsOf(directory);
  const plan = await json(
    "train",
    "--input",
    "words.txt",
    "more",
    "--output",
    "bpe",
    "--vocab-size",
    "300",
    "--dry-run",
  );
  expect(plan).toMatchObject({
    kind: "bpe",
    settings: { vocabSize: 300, minFrequency: 0, preTokenizer: "gpt2", specialTokens: { eos: "<|endoftext|>" } },
    output: "bpe",
    replaces: true,
    files: [
      { path: "more/a.md", bytes: 12 },
      { path: "more/b.md", bytes: 1 },
      { path: "words.txt", bytes: 920 },
    ],
    bytes: 933,
  });
  const out = await text("train", "minFrequency=2", "--input", "words.txt", "--output", "new", "--dry-run");
  expect(out).toMatch(/^Training plan:$/m);
  expect(out).toMatch(/^ {2}minFrequency 2$/m);
  expect(out).toMatch(/^ {4}words\.txt \(920 bytes\)\nnothing was written \(--dry-run\)\n$/m);
  expect(await text("count", "--input", "more", "--output", "x.counts", "--dry-run")).toBe(
    "would count 2 files, 13 bytes, into x.counts\n",
  );
  expect(await json("count", "--input", "words.txt", "--output", "x.counts", "--dry-run")).toEqual({
    ...{ output: "x.counts", preTokenizer: "gpt2" },
    ...{ files: [{ path: "words.txt", bytes: 920 }], bytes: 920 },
  });
  expect(contentsOf(directory)).toEqual(before);
});

test.each<[string, string[], { exitCode: number; code: string; says: string[] }]>([
  ["a file that is not there", ["--input", "absent"], { exitCode: 3, code: "DATA_FILE_NOT_FOUND", says: ["absent"] }],
  [
    "a setting that does not exist",
    ["vocabSise=300", "--input", "words.txt"],
    { exitCode: 2, code: "CONFIG_VALIDATION_FAILED", says: ["vocabSise", "vocabSize"] },
  ],
  [
    "a vocabulary that is too small",
    ["--vocab-size", "256", "--input", "words.txt"],
    { exitCode: 2, code: "TOKENIZER_VOCAB_TOO_SMALL", says: ["257"] },
  ],
  [
    "a tokenizer that is not trained",
    ["--kind", "byte", "--input", "words.txt"],
    { exitCode: 2, code: "PIPELINE_CONFIG_INVALID", says: ["byte"] },
  ],
  [
    "a kind that nobody knows",
    ["--kind", "bpee", "--input", "words.txt"],
    { exitCode: 2, code: "REGISTRY_UNKNOWN_NAME", says: ["bpee"] },
  ],
])("a dry run refuses %s, as training does", async (_, words, expected) => {
  for (const more of [[], ["--dry-run"]])
    expectRefused(await codex(directory, "tokenizer", "train", ...words, "--output", "never", ...more), expected);
  expect(existsSync(join(directory, "never"))).toBe(false);
});

test("JSONL, CSV, gzip, folders and globs train as the text in them does", async () => {
  const lines = ["the cat sat", "on the mat", "caf\u00e9 \u4f60\u597d"];
  const jsonl = lines.map((body) => `${JSON.stringify({ id: 1, body })}\n`).join("");
  const folder = project({
    "lines.txt": lines.join("\n"),
    "rows.jsonl": jsonl,
    "rows.csv": `id,body\n${lines.map((body) => `1,"${body}"\n`).join("")}`,
    "deep/er/rows.jsonl.gz": gzipSync(jsonl),
  });
  const trained = async (output: string, ...words: string[]): Promise<string> => {
    const options = ["--output", output, "--vocab-size", "270", "--json"];
    const { exitCode, err } = await codex(folder, "tokenizer", "train", ...words, ...options);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    return readFileSync(join(folder, output, "tokenizer.json"), "utf8");
  };
  const expected = await trained("a", "--unit", "line", "--input", "lines.txt");
  for (const [index, input] of ["rows.jsonl", "rows.csv", "deep", "deep/**/*.gz"].entries())
    expect(await trained(`b${index}`, "--column", "body", "--input", input)).toBe(expected);
  expect(await trained("c", "--column", "body", "--format", "jsonl", "--input", "rows.jsonl")).toBe(expected);
  const stats = await codex(folder, "tokenizer", "stats", "a", "--column", "body", "--data", "rows.csv", "--json");
  expect(JSON.parse(stats.out)).toMatchObject({ documents: 3 });
});

test("budgets and threads change nothing; settings do", async () => {
  const files = async (output: string, ...words: string[]): Promise<string> => {
    await json("train", ...words, "--input", "words.txt", "more", "--output", output, "--vocab-size", "280");
    return readFileSync(join(directory, output, "tokenizer.json"), "utf8");
  };
  const plain = await files("plain");
  expect(await files("budget", "--memory-budget-mb", "1", "--disk-budget-mb", "64", "--threads", "2")).toBe(plain);
  expect(await files("other", "preTokenizer=llama3", "specialTokens.eos=END")).not.toBe(plain);
  expect((await json("inspect", "other")).specialTokens).toEqual([{ role: "eos", token: "END", id: 0 }]);
});

test("progress tells what is done, the rate and the time left", () => {
  const counted = { phase: "count", documents: 1200, bytes: 25e6, bytesPerSecond: 12.5e6, secondsLeft: 61.2 } as const;
  expect(trainingProgressText(counted)).toBe("1,200 documents, 25.0 MB counted, 12.5 MB/s, 1 min 2 s left");
  expect(trainingProgressText({ ...counted, secondsLeft: 7300 })).toMatch(/, 2 h 1 min left$/);
  const merged = { phase: "merge", tokens: 900, vocabSize: 32000, tokensPerSecond: 450, secondsLeft: 9.4 } as const;
  expect(trainingProgressText(merged)).toBe("900 of 32,000 ids, 450 ids/s, 10 s left");
  expect(trainingProgressText({ phase: "prune", pieces: 12_000, vocabSize: 8000 })).toBe(
    "12,000 pieces, pruned until 8,000 ids are left",
  );
});

test("training tells its progress, with the time left where the size of the text is known", async () => {
  const progress: TrainingProgress[] = [];
  const onProgress = (one: TrainingProgress): void => void progress.push(one);
  await trainTokenizer({ input: ["words.txt"], output: "told", directory, vocabSize: 280, onProgress });
  expect(progress).toContainEqual(expect.objectContaining({ phase: "count", bytes: 920, secondsLeft: 0 }));
  expect(progress.at(-1)).toMatchObject({
    phase: "merge",
    tokens: expect.any(Number),
    secondsLeft: expect.any(Number),
  });
});

test("encode cuts and fills up to a length, and says which ids are padding", async () => {
  const words = ["--text", "the cat sat on the mat", "--max-length"];
  const whole = await json("encode", "bpe", ...words.slice(0, 2));
  expect((await json("encode", "bpe", ...words, "3")).ids).toEqual(whole.ids.slice(0, 3));
  const padded = await json("encode", "bpe", ...words, "40", "--pad");
  const count = whole.ids.length;
  expect(padded.ids).toEqual([...whole.ids, ...Array(40 - count).fill(0)]); // 0: the end of the text, for want of a pad token
  expect(padded.attentionMask).toEqual([...Array(count).fill(1), ...Array(40 - count).fill(0)]);
  expectRefused(await codex(directory, "tokenizer", "encode", "bpe", "--text", "x", "--pad"), {
    ...{ exitCode: 2, code: "CONFIG_USAGE" },
    says: ["--max-length"],
  });
  expect(await text("encode", "bpe", "--text", "mat\u00e9", "--tokens")).toMatch(
    /^\d+ +mat\n\d+ +\u00c3\n\d+ +\u00a9\n$/,
  );
});

test("inspect says what is inside", async () => {
  const inside = await json("inspect", "bpe");
  expect(inside).toMatchObject({
    ...{ kind: "bpe", padding: null, truncation: null, maxLength: null },
    stages: { normalizer: [], preTokenizer: ["ByteLevel"], model: "BPE", decoder: ["ByteLevel"] },
    manifest: { trainer: { name: "byte-level-bpe" }, corpus: { bytes: 920, documents: 1 } },
  });
  expect(inside.merges).toBe(inside.vocabSize - 257);
  const out = await text("inspect", join(formats, "unigram.model"));
  expect(out).toMatch(/^normalizer +Precompiled, Strip, Replace$/m);
  expect(out).not.toMatch(/^trained on/m);
  expect(await text("inspect", "bpe")).toMatch(/^trained on +920 bytes in 1 documents, by byte-level-bpe$/m);
});

test("encode and decode are each other's way back", async () => {
  const { ids, tokens } = await json("encode", "bpe", "--text", "the mat caf\u00e9");
  expect(tokens.join("")).toBe("the\u0120mat\u0120caf\u00c3\u00a9");
  expect(await text("encode", "bpe", "--text", "the mat caf\u00e9")).toBe(`${ids.join(" ")}\n`);
  expect(await text("decode", "bpe", ...ids.map(String))).toBe("the mat caf\u00e9\n");
  expect(await json("decode", "bpe", ids.join(","))).toEqual({ text: "the mat caf\u00e9" });
  expect((await json("encode", "bpe", "--input", "words.txt")).ids.length).toBeGreaterThan(40);
});

test("special tokens come out of text only where they are allowed", async () => {
  const [end] = (await json("inspect", "bpe")).specialTokens;
  expect((await json("encode", "bpe", "--text", end.token)).ids).not.toContain(end.id);
  expect((await json("encode", "bpe", "--text", end.token, "--allow-special")).ids).toEqual([end.id]);
  expect(await text("decode", "bpe", String(end.id))).toBe(`${end.token}\n`);
  expect(await text("decode", "bpe", String(end.id), "--skip-special")).toBe("\n");
});

test("inspect shows where a text is cut: with bars, or in colour", async () => {
  const out = await text("inspect", "bpe", "--text", "the mat \u4f60");
  expect(out).toMatch(/^cuts +the\|/m);
  const { pieces, ids } = (await json("inspect", "bpe", "--text", "the mat \u4f60")).encoding;
  expect(pieces.join("")).toBe("the mat \u4f60");
  expect(pieces).toHaveLength(ids.length);
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const terminal = { out: stream, err: stream, env: { FORCE_COLOR: "1" } };
  expect(await run(["tokenizer", "inspect", join(directory, "bpe"), "--text", "the mat"], terminal)).toBe(0);
  expect(chunks.join("")).toContain("\u001b[30;44mthe\u001b[0m");
  chunks.length = 0;
  // Results may go to a file while messages go to a terminal.
  const errorsOnTerminal = Object.assign(Object.create(stream), { isTTY: true });
  await run(["tokenizer", "inspect", join(directory, "bpe"), "--text", "the mat"], {
    ...{ out: stream, err: errorsOnTerminal },
    env: {},
  });
  expect(chunks.join("")).not.toContain("\u001b");
});

test("export writes a tiktoken file that encodes the same, and a dry run writes nothing", async () => {
  const before = contentsOf(directory);
  const dry = await json("export", "bpe", "--format", "tiktoken", "--output", "ranks", "--dry-run");
  expect(dry).toMatchObject({ written: false, files: [{ name: "tokenizer.tiktoken" }, { name: "tiktoken.json" }] });
  expect(contentsOf(directory)).toEqual(before);
  expect(await text("export", "bpe", "--format", "tiktoken", "--output", "ranks")).toMatch(
    /^written to ranks: tokenizer\.tiktoken \(\d+ bytes\)/,
  );
  expect(readFileSync(join(directory, "ranks", "tokenizer.tiktoken")).length).toBe(dry.files[0].bytes);
  const { special_tokens: special } = JSON.parse(readFileSync(join(directory, "ranks", "tiktoken.json"), "utf8"));
  const options = Object.entries(special).flatMap(([token, id]) => ["--special-token", `${token}=${id}`]);
  const again = await json("encode", "ranks", "--text", TEXT, "--pattern", "gpt2", ...options);
  expect(again.ids).toEqual((await json("encode", "bpe", "--text", TEXT)).ids);
});

test("a SentencePiece model becomes a Hugging Face folder and comes back", async () => {
  await text("export", join(formats, "bpe.model"), "--output", "hf");
  expect(existsSync(join(directory, "hf", "tokenizer.json"))).toBe(true);
  await text("export", "hf", "--format", "sentencepiece", "--output", "spm");
  const sentence = ["--text", "the quick brown \u0416 fox"];
  const ids = (await json("encode", join(formats, "bpe.model"), ...sentence)).ids;
  expect(ids.length).toBeGreaterThan(5);
  for (const path of ["hf", "spm"]) expect((await json("encode", path, ...sentence)).ids).toEqual(ids);
});

test("validate says what holds", async () => {
  const { ok, checks } = await json("validate", "bpe", "--data", "words.txt", "more");
  expect(ok).toBe(true);
  expect(checks.map(({ name }: { name: string }) => name)).toEqual(["ids", "special tokens", "round trips"]);
  expect(checks[2].message).toBe("8 of 8 texts come back as they were");
  const files = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer_manifest.json"];
  const manifest = { trainer: "byte-level-bpe", corpusFiles: 1, missingCorpusFiles: [] };
  expect(await json("validate", "bpe")).toMatchObject({ directory: "bpe", files, missingFiles: [], manifest });
  const alone = project({ "t/tokenizer.json": readFileSync(join(directory, "bpe", "tokenizer.json")) });
  const { out } = await codex(alone, "tokenizer", "validate", "t");
  expect(out).toMatch(
    /^ +files +tokenizer\.json, tokenizer_config\.json is missing, special_tokens_map\.json is missing$/m,
  );
  expect(out).toMatch(/^ +manifest +none$/m);
  expect(await text("validate", join(formats, "bpe.model"))).toMatch(/^ok +self-test +4 samples of the model$/m);
  expect((await json("validate", "char")).checks[2].message).toMatch(/5 hold what it has no token for/);
});

test("a tokenizer that removes white space is valid", async () => {
  const { ok, checks } = await json("validate", join(formats, "unigram.model"));
  expect(ok).toBe(true);
  expect(checks[2].message).toMatch(/^[0-4] of 5 texts come back/);
});

test("validate ends with 3 where something does not hold", async () => {
  const broken = JSON.parse(readFileSync(join(directory, "bpe", "tokenizer.json"), "utf8"));
  broken.added_tokens[0].special = false; // text then makes it, and it is one of the tokens that have a role
  const config = readFileSync(join(directory, "bpe", "tokenizer_config.json"), "utf8");
  const folder = project({ "broken/tokenizer.json": JSON.stringify(broken), "broken/tokenizer_config.json": config });
  const { exitCode, out } = await codex(folder, "tokenizer", "validate", "broken");
  expect(exitCode).toBe(3);
  expect(out).toMatch(/^FAILED +special tokens +1 wrong: /m);
  expect((await codex(folder, "tokenizer", "validate", "broken", "--json")).exitCode).toBe(3);
});

test("stats counts a corpus", async () => {
  const bytes = Buffer.byteLength("caf\u00e9 \u4f60\u597dx");
  const stats = await json("stats", "bpe", "--data", "more/*.md");
  expect(stats).toMatchObject({ documents: 2, bytes, unknownTokens: 0, documentTokens: { min: 1 } });
  expect(stats.bytesPerToken).toBeCloseTo(bytes / stats.tokens, 12);
  expect(stats.documentTokens.max + 1).toBe(stats.tokens);
  expect(await text("stats", "bpe", "--data", "words.txt")).toMatch(/^bytes per token +\d\.\d{4}$/m);
});

test("compare puts two beside each other", async () => {
  const [a, b] = await json("compare", "bpe", "char", "--data", "words.txt");
  expect(a).toMatchObject({ path: "bpe", kind: "bpe", documents: 1 });
  expect(b).toMatchObject({ path: "char", kind: "char", bytesPerToken: 1 });
  expect(a.bytesPerToken).toBeGreaterThan(2);
  expect(b.megabytesPerSecond).toBeGreaterThan(0);
  expect((await text("compare", "bpe", "char", "--data", "words.txt")).split("\n")).toHaveLength(4);
});

describe("bad input", () => {
  beforeAll(() => writeFileSync(join(directory, "bad.model"), "hello"));

  test.each<[string, string[], { exitCode: number; code: string; says: (string | RegExp)[] }]>([
    [
      "no such tokenizer",
      ["encode", "absent", "--text", "x"],
      { exitCode: 3, code: "TOKENIZER_FILE_MISSING", says: ["absent"] },
    ],
    [
      "a model that is none",
      ["inspect", "bad.model"],
      { exitCode: 3, code: "TOKENIZER_FILE_INVALID", says: ["bad.model"] },
    ],
    [
      "a rank file without its pattern",
      ["inspect", join(formats, "tiny.tiktoken")],
      { exitCode: 2, code: "TOKENIZER_OPTIONS_INVALID", says: ["pattern", "cl100k_base"] },
    ],
    [
      "a special token without an id",
      ["inspect", join(formats, "tiny.tiktoken"), "--pattern", "gpt2", "--special-token", "x"],
      { exitCode: 2, code: "PIPELINE_CONFIG_INVALID", says: ["token=id"] },
    ],
    ["an id that is none", ["decode", "bpe", "x"], { exitCode: 2, code: "CONFIG_USAGE", says: ["<ids...>"] }],
    [
      "an id that is not there",
      ["decode", "bpe", "99999"],
      { exitCode: 3, code: "TOKENIZER_UNKNOWN_ID", says: ["99999"] },
    ],
    ["no text", ["encode", "bpe"], { exitCode: 2, code: "CONFIG_USAGE", says: ["--text or --input"] }],
    [
      "an export that cannot be",
      ["export", "bpe", "--format", "sentencepiece", "--output", "never"],
      { exitCode: 3, code: "TOKENIZER_EXPORT_IMPOSSIBLE", says: ["SentencePiece: "] },
    ],
    [
      "data that is not there",
      ["stats", "bpe", "--data", "absent.txt"],
      { exitCode: 3, code: "DATA_FILE_NOT_FOUND", says: ["absent.txt"] },
    ],
  ])("%s", async (_, words, expected) => {
    expectRefused(await codex(directory, "tokenizer", ...words), expected);
    expect(existsSync(join(directory, "never"))).toBe(false);
  });
});
