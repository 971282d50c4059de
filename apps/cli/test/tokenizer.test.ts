/** `codex tokenizer`: looking into tokenizers, encoding with them, and taking them elsewhere. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
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
