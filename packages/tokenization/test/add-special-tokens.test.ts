/** Special tokens that a tokenizer is given later, and the file that has them beside a SentencePiece model. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addSpecialTokens,
  assertVocabSize,
  createByteTokenizer,
  loadTokenizer,
  parseHfTokenizer,
  saveSpecialTokens,
  type Tokenizer,
  trainByteLevelBpe,
  trainCharTokenizer,
} from "@codex/tokenization";

const models = new URL("./golden/formats/", import.meta.url).pathname;
const CORPUS = ["the cat sat on the mat"];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codex-special-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Through the files of a folder. */
async function savedAndLoaded(tokenizer: Tokenizer): Promise<Tokenizer> {
  for (const [name, contents] of Object.entries(tokenizer.saveFiles())) writeFileSync(join(folder, name), contents);
  return loadTokenizer(folder);
}

const MAKERS: [string, () => Promise<Tokenizer>][] = [
  ["byte", async () => createByteTokenizer()],
  ["bpe", () => trainByteLevelBpe(CORPUS, { vocabSize: 262 })],
  ["char", () => trainCharTokenizer(CORPUS)],
  ["unigram", () => loadTokenizer(join(models, "unigram.model"))],
  ["hf", async () => parseHfTokenizer((await trainByteLevelBpe(CORPUS, { vocabSize: 262 })).toJSON())],
];

test.each(MAKERS)("%s: new tokens get the ids after all others, and keep them through files", async (kind, create) => {
  const before = await create();
  const { tokenizer, ids } = await addSpecialTokens(before, ["<|user|>", "<|tool|>"]);
  expect(ids).toEqual({ "<|user|>": before.vocabSize, "<|tool|>": before.vocabSize + 1 });
  for (const one of [tokenizer, await savedAndLoaded(tokenizer)]) {
    expect(one.kind).toBe(kind);
    expect(one.vocabSize).toBe(before.vocabSize + 2);
    expect(one.encode("the", { addSpecialTokens: false })).toEqual(before.encode("the", { addSpecialTokens: false }));
    const marked = one.encode("<|tool|>the", { addSpecialTokens: false, allowedSpecial: "all" });
    expect(marked[0]).toBe(ids["<|tool|>"]);
    expect(one.decode(marked)).toBe(one.decode(before.encode("the")));
    if (kind === "char") continue; // it has no token for the signs of a name
    expect(one.encode("<|tool|>")).not.toContain(ids["<|tool|>"]);
  }
  expect(before.tokenToId("<|user|>")).toBeUndefined();
  // Those that it has keep theirs.
  const again = await addSpecialTokens(tokenizer, ["<|tool|>", "<|more|>"]);
  expect(again.ids).toEqual({ "<|tool|>": ids["<|tool|>"], "<|more|>": before.vocabSize + 2 });
});

test("tokens by role take the role, and the manifest tells that they came later", async () => {
  const trained = await trainByteLevelBpe(CORPUS, { vocabSize: 262 });
  const { tokenizer } = await addSpecialTokens(trained, { pad: "<|pad|>", bos: "<|endoftext|>" });
  const loaded = await savedAndLoaded(tokenizer); // which checks the hash in the manifest
  expect(loaded.specialTokens).toMatchObject({
    pad: { token: "<|pad|>", id: 262 },
    bos: { token: "<|endoftext|>", id: 0 },
    eos: { token: "<|endoftext|>", id: 0 },
  });
  expect(loaded.encodeBatch(["a", "the cat"], { padding: "longest" }).inputIds[0]).toContain(262);
  const manifest = JSON.parse(loaded.saveFiles()["tokenizer_manifest.json"]!);
  expect(manifest).toMatchObject({
    added_special_tokens: { "<|pad|>": 262 },
    corpus: trained.manifest.corpus,
    result: { vocab_size: 262, merges: trained.manifest.result.merges },
  });
});

test.each([
  [["the"], "TOKENIZER_SPECIAL_TOKEN_CONFLICT"],
  [[""], "TOKENIZER_OPTIONS_INVALID"],
  [["\ud83d"], "TOKENIZER_OPTIONS_INVALID"],
])("%j are no new tokens", async (tokens, code) => {
  const tokenizer = await trainByteLevelBpe(CORPUS, { vocabSize: 262 });
  expect(tokenizer.tokenToId("the")).toBeDefined();
  await expect(addSpecialTokens(tokenizer, tokens)).rejects.toMatchObject({ code });
});

test("assertVocabSize", () => {
  const tokenizer = createByteTokenizer();
  assertVocabSize(tokenizer, 257);
  expect(() => assertVocabSize(tokenizer, 258)).toThrow(expect.objectContaining({ code: "TOKENIZER_VOCAB_TOO_SMALL" }));
});

describe("the file beside a SentencePiece model", () => {
  let model: string;
  beforeEach(() => {
    model = join(folder, "t.model");
    copyFileSync(join(models, "unigram.model"), model);
  });

  test("is written in one step, and read with the model", async () => {
    const { ids } = await addSpecialTokens(await loadTokenizer(model), ["<user>", "<tool>"]);
    expect(await saveSpecialTokens(model, ids)).toBe(join(folder, "t.special_tokens.json"));
    expect(readdirSync(folder).sort()).toEqual(["t.model", "t.special_tokens.json"]);
    expect(JSON.parse(readFileSync(join(folder, "t.special_tokens.json"), "utf8"))).toEqual(ids);
    const loaded = await loadTokenizer(model);
    expect(loaded.tokenToId("<tool>")).toBe(ids["<tool>"]);
    expect(loaded.encode("a<tool>b", { allowedSpecial: new Set(["<tool>"]) })).toContain(ids["<tool>"]);
  });

  test("may be a list, as older programs wrote it", async () => {
    writeFileSync(join(folder, "t.special_tokens.json"), '["<user>", "<tool>"]');
    const { vocabSize } = await loadTokenizer(join(models, "unigram.model"));
    const loaded = await loadTokenizer(model);
    expect([loaded.tokenToId("<user>"), loaded.tokenToId("<tool>")]).toEqual([vocabSize, vocabSize + 1]);
  });

  test.each<[string, unknown, string]>([
    ["an id that a piece has", { "<user>": 5 }, "TOKENIZER_SPECIAL_TOKEN_CONFLICT"],
    ["one id twice", { "<user>": 500, "<tool>": 500 }, "TOKENIZER_SPECIAL_TOKEN_CONFLICT"],
    ["an id that is true", { "<user>": true }, "TOKENIZER_FILE_INVALID"],
    ["an id that is huge", { "<user>": 2 ** 40 }, "TOKENIZER_FILE_INVALID"],
    ["a name without characters", { "": 500 }, "TOKENIZER_OPTIONS_INVALID"],
    ["a name that is a number", [5], "TOKENIZER_FILE_INVALID"],
    ["a name that comes twice", ["<user>", "<user>"], "TOKENIZER_FILE_INVALID"],
    ["text", "tokens", "TOKENIZER_FILE_INVALID"],
  ])("with %s is refused", async (_, contents, code) => {
    writeFileSync(join(folder, "t.special_tokens.json"), JSON.stringify(contents));
    await expect(loadTokenizer(model)).rejects.toMatchObject({ code });
  });

  test("is not written if it is wrong", async () => {
    await expect(saveSpecialTokens(model, { "": 1 })).rejects.toMatchObject({ code: "TOKENIZER_OPTIONS_INVALID" });
    expect(existsSync(join(folder, "t.special_tokens.json"))).toBe(false);
  });
});
