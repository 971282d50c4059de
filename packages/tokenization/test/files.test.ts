import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTokenizer, parseTokenizer, TokenizerError } from "@codex/tokenization";
import { golden, type OursGolden } from "./golden.ts";
import { OURS } from "./ours.ts";

/** A tokenizer.json before it is made wrong. */
interface Changeable {
  added_tokens: object[];
  pre_tokenizer: object;
  model: { vocab: { a?: number }; merges: string[] };
}

const { ours } = golden<OursGolden>("ours.json");
const directoryOf = (name: string) => new URL(`./golden/ours/${name}/`, import.meta.url);

describe.each(Object.keys(OURS))("%s", (name) => {
  test("saves the files that transformers has opened", async () => {
    const files: Record<string, string> = {};
    for (const file of await readdir(directoryOf(name)))
      files[file] = await readFile(new URL(file, directoryOf(name)), "utf8");
    expect((await OURS[name]!()).saveFiles()).toEqual(files);
  });

  test("loaded, gives the ids that Hugging Face tokenizers gives", async () => {
    const tokenizer = await loadTokenizer(directoryOf(name).pathname);
    const { vocabSize, roles, cases } = ours[name]!;
    expect(tokenizer.vocabSize).toBe(vocabSize);
    const { additional: _, ...byRole } = tokenizer.specialTokens;
    expect(Object.fromEntries(Object.entries(byRole).map(([role, { id }]) => [role, id]))).toEqual(roles);
    expect(tokenizer.endOfTextId).toBe(roles["eos"]);
    for (const one of cases) {
      expect(Array.from(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
      expect(Array.from(tokenizer.encode(one.text))).toEqual(one.none);
      expect(tokenizer.decode(one.all, { skipSpecialTokens: false })).toBe(one.decoded);
    }
    expect(tokenizer.saveFiles()).toEqual((await OURS[name]!()).saveFiles());
  });
});

describe("a file that cannot be used is an error, never another tokenizer", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tokenization-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const bpe = async () => JSON.parse((await OURS["bpe"]!()).saveFiles()["tokenizer.json"]!);
  const load = async (name: string, contents: string) => {
    await writeFile(join(folder, name), contents);
    return loadTokenizer(folder).then(
      () => undefined,
      (error: unknown) => error as TokenizerError,
    );
  };

  test("no file", async () => {
    const error = await loadTokenizer(join(folder, "nowhere")).catch((one: unknown) => one as TokenizerError);
    expect(error).toBeInstanceOf(TokenizerError);
    expect(error).toMatchObject({ code: "TOKENIZER_FILE_MISSING", message: expect.stringContaining("nowhere") });
    expect(await loadTokenizer(folder).catch((one: unknown) => one)).toMatchObject({ code: "TOKENIZER_FILE_MISSING" });
  });

  test("a folder where the file should be", async () => {
    await mkdir(join(folder, "tokenizer.json"));
    expect(await loadTokenizer(folder).catch((one: unknown) => one)).toMatchObject({
      code: "TOKENIZER_FILE_MISSING",
      message: expect.stringContaining("cannot be read: EISDIR"),
    });
  });

  test("not JSON, and JSON of something else", async () => {
    expect(await load("tokenizer.json", "{")).toMatchObject({
      code: "TOKENIZER_FILE_INVALID",
      message: expect.stringContaining(join(folder, "tokenizer.json")),
    });
    expect(await load("tokenizer.json", "[]")).toMatchObject({ code: "TOKENIZER_FILE_INVALID" });
    expect(await load("tokenizer.json", '{"version":"1.0","model":{}}')).toMatchObject({
      code: "TOKENIZER_UNSUPPORTED",
    });
  });

  test.each<[string, (json: Changeable) => void, string, string]>([
    [
      "a normalizer of a new kind",
      (json) => Object.assign(json, { normalizer: { type: "New" } }),
      "TOKENIZER_UNSUPPORTED",
      "normalizer",
    ],
    ["dropout", ({ model }) => Object.assign(model, { dropout: 1.5 }), "TOKENIZER_FILE_INVALID", "model.dropout"],
    [
      "another decoder",
      (json) => Object.assign(json, { decoder: { type: "New" } }),
      "TOKENIZER_UNSUPPORTED",
      "decoder",
    ],
    [
      "a merge of a byte without a token",
      ({ model }) => delete model.vocab.a,
      "TOKENIZER_FILE_INVALID",
      "model.merges[",
    ],
    [
      "two tokens of one id",
      ({ model }) => Object.assign(model.vocab, { zz: 5 }),
      "TOKENIZER_FILE_INVALID",
      'model.vocab["zz"]',
    ],
    ["a merge of unknown tokens", ({ model }) => model.merges.push("q zzz"), "TOKENIZER_FILE_INVALID", "model.merges["],
    ["a merge of one token", ({ model }) => model.merges.push("q"), "TOKENIZER_FILE_INVALID", "model.merges["],
    ["a fraction for an id", ({ model }) => Object.assign(model.vocab, { zz: 0.5 }), "TOKENIZER_FILE_INVALID", "2^26"],
    [
      "an added token that strips more or less",
      ({ added_tokens }) => Object.assign(added_tokens[0]!, { lstrip: "yes" }),
      "TOKENIZER_FILE_INVALID",
      "lstrip",
    ],
    [
      "an added token of another id",
      ({ added_tokens }) => Object.assign(added_tokens[0]!, { id: 9 }),
      "TOKENIZER_FILE_INVALID",
      "added_tokens[0]",
    ],
    [
      "an added token without text",
      ({ added_tokens }) => Object.assign(added_tokens[0]!, { content: "" }),
      "TOKENIZER_FILE_INVALID",
      "content",
    ],
    [
      "a pre-tokenizer of a new kind",
      (json) => Object.assign(json, { pre_tokenizer: { type: "New" } }),
      "TOKENIZER_UNSUPPORTED",
      "pre_tokenizer",
    ],
    [
      "a post-processor of a new kind",
      (json) => Object.assign(json, { post_processor: { type: "New" } }),
      "TOKENIZER_UNSUPPORTED",
      "post_processor",
    ],
  ])("%s", async (_, change, code, place) => {
    const json = await bpe();
    change(json);
    expect(() => parseTokenizer(json)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(place) }),
    );
  });

  test("a byte that is special does not come out of text, nor is it left out", async () => {
    const json = await bpe();
    json.added_tokens.push({ id: json.model.vocab["!"], content: "!", special: true });
    const tokenizer = parseTokenizer(json);
    expect(() => tokenizer.encode("a!")).toThrow(
      expect.objectContaining({ code: "TOKENIZER_SPECIAL_TOKEN_IN_TEXT", message: expect.stringContaining('"!"') }),
    );
    expect(tokenizer.decode(tokenizer.encode("a!", { allowedSpecial: "all" }), { skipSpecialTokens: false })).toBe(
      "a!",
    );
  });

  test("a role whose token is not in the vocabulary", async () => {
    const json = await bpe();
    expect(() => parseTokenizer(json, { config: { pad_token: "<pad>" } })).toThrow(
      expect.objectContaining({
        code: "TOKENIZER_SPECIAL_TOKEN_UNKNOWN",
        message: expect.stringContaining("pad_token"),
      }),
    );
  });

  test("a tokenizer.json that was changed under its manifest", async () => {
    const files = (await OURS["bpe"]!()).saveFiles();
    await writeFile(join(folder, "tokenizer_manifest.json"), files["tokenizer_manifest.json"]!);
    expect(await load("tokenizer.json", files["tokenizer.json"]!)).toBeUndefined();
    expect(
      await load("tokenizer.json", files["tokenizer.json"]!.replace('"use_regex": true', '"use_regex": false')),
    ).toMatchObject({
      code: "TOKENIZER_MANIFEST_MISMATCH",
    });
  });
});

test("roles are read as strings, as objects, and from special_tokens_map.json where the config is silent", async () => {
  const json = (await OURS["bpe-roles"]!()).toJSON();
  const tokenizer = parseTokenizer(json, {
    config: { eos_token: { content: "</s>", lstrip: false }, chat_template: "{{ x }}" },
    specialTokensMap: { pad_token: "<pad>", eos_token: "<s>" },
  });
  expect(tokenizer.specialTokens).toEqual({
    eos: { token: "</s>", id: 3 },
    pad: { token: "<pad>", id: 0 },
    additional: [
      { token: "<unk>", id: 1 },
      { token: "<s>", id: 2 },
      { token: "<|im_start|>", id: 4 },
    ],
  });
  // What other programs keep in the file stays in it.
  expect(JSON.parse(tokenizer.saveFiles()["tokenizer_config.json"]!)).toHaveProperty("chat_template", "{{ x }}");
});
