import {
  loadHfTokenizer,
  parseHfTokenizer,
  parseTokenizer,
  type Tokenizer,
  tokenByteLengths,
  totalByteLength,
} from "@codex/tokenization";
import { tokenizerContract } from "@codex/tokenization/testing";
import { golden, type HubCase } from "./golden.ts";
import { OURS, TEXTS } from "./ours.ts";

const load = (files: Record<string, string>) =>
  parseTokenizer(JSON.parse(files["tokenizer.json"]!), {
    config: JSON.parse(files["tokenizer_config.json"]!),
    ...(files["tokenizer_manifest.json"] === undefined
      ? {}
      : { manifest: JSON.parse(files["tokenizer_manifest.json"]) }),
  });
const texts = (name: string) => (name.startsWith("char") ? { texts: TEXTS.filter((text) => !text.includes("<")) } : {});

describe.each(Object.entries(OURS))("%s", (name, create) => {
  test.each(tokenizerContract({ create, load, ...texts(name) }))("$name", ({ run }) => run());
});

describe("hf, on a byte-level file", () => {
  const { json } = golden<HubCase[]>("hub-style.json").find(({ name }) => name === "gpt2")!;
  const create = () => parseHfTokenizer(json, { config: { eos_token: "<|endoftext|>" } });
  test.each(tokenizerContract({ create }))("$name", ({ run }) => run());
});

test("the contract finds a tokenizer that loses text", async () => {
  const honest = await OURS["byte"]!();
  const lossy: Tokenizer = Object.assign(Object.create(honest) as Tokenizer, {
    encode: (text: string) => honest.encode(text.toLowerCase()),
    decode: (ids: ArrayLike<number>) => honest.decode(ids),
  });
  const failed: string[] = [];
  for (const { name, run } of tokenizerContract({ create: () => lossy })) await run().catch(() => failed.push(name));
  expect(failed).toContain("a text comes back as it was");
});

describe("bytes of tokens", () => {
  test("add up to the bytes of a text; labels without a target and special tokens count nothing", async () => {
    const tokenizer = await OURS["bpe"]!();
    const ids = tokenizer.encode("interface \u4f60\u597d");
    expect(totalByteLength(tokenizer, ids)).toBe(16);
    expect(totalByteLength(tokenizer, [-100, ...ids, tokenizer.endOfTextId!, -100])).toBe(16);
    const lengths = tokenByteLengths(tokenizer);
    expect(lengths.length).toBe(tokenizer.vocabSize);
    expect(ids.reduce((sum, id) => sum + lengths[id]!, 0)).toBe(16);
  });

  test("are not made up where they depend on neighbours", async () => {
    const { json } = golden<HubCase[]>("hub-style.json").find(({ name }) => name === "bert")!;
    const tokenizer = await parseHfTokenizer(json);
    expect(tokenizer.tokenByteLength).toBeUndefined();
    expect(() => totalByteLength(tokenizer, [5])).toThrow(expect.objectContaining({ code: "TOKENIZER_UNSUPPORTED" }));
  });
});

describe("hf adapter", () => {
  const bert = () => golden<HubCase[]>("hub-style.json").find(({ name }) => name === "bert")!.json;

  test("refuses what its implementation would do otherwise, and what it does not know", async () => {
    const split = {
      ...bert(),
      pre_tokenizer: { type: "Split", pattern: { String: "a" }, behavior: "MergedWithPrevious" },
    };
    await expect(parseHfTokenizer(split)).rejects.toMatchObject({
      code: "TOKENIZER_UNSUPPORTED",
      message: expect.stringContaining("pre_tokenizer.behavior"),
    });
    await expect(parseHfTokenizer({ ...bert(), normalizer: { type: "Nmt" } })).rejects.toMatchObject({
      code: "TOKENIZER_UNSUPPORTED",
      message: expect.stringContaining("Nmt"),
    });
    const wholeWords = { ...bert(), added_tokens: [{ id: 0, content: "[PAD]", single_word: true }] };
    await expect(parseHfTokenizer(wholeWords)).rejects.toMatchObject({ code: "TOKENIZER_UNSUPPORTED" });
    await expect(loadHfTokenizer("nowhere")).rejects.toMatchObject({ code: "TOKENIZER_FILE_MISSING" });
  });

  test("a word that the vocabulary lacks is an error where there is no unk token", async () => {
    const tokenizer = await parseHfTokenizer({
      version: "1.0",
      added_tokens: [],
      pre_tokenizer: { type: "WhitespaceSplit" },
      model: { type: "WordLevel", vocab: { hello: 0, world: 1 } },
    });
    expect(Array.from(tokenizer.encode("hello world"))).toEqual([0, 1]);
    expect(() => tokenizer.encode("hello there")).toThrow(
      expect.objectContaining({ code: "TOKENIZER_UNKNOWN_CHARACTER", message: expect.stringContaining('"there"') }),
    );
  });

  test("decodes nothing to nothing, and unknown ids to an error", async () => {
    const tokenizer = await parseHfTokenizer(bert());
    expect(tokenizer.decode([])).toBe("");
    expect(() => tokenizer.decode([tokenizer.vocabSize])).toThrow(
      expect.objectContaining({ code: "TOKENIZER_UNKNOWN_ID" }),
    );
  });
});
