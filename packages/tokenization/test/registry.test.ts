import { fileURLToPath } from "node:url";
import { pluginContract, registryEntryContract } from "@codex/registry/testing";
import { parseTokenizer } from "@codex/tokenization";
import * as entries from "@codex/tokenization/registry";
import { OURS, TEXTS } from "./ours.ts";

const fixtures = fileURLToPath(new URL("./golden/ours/", import.meta.url));

test.each(pluginContract(fileURLToPath(new URL("..", import.meta.url))))("$name", ({ run }) => run());

describe.each(Object.entries(entries))("%s", (_, entry) => {
  test.each(registryEntryContract(entry))("$name", ({ run }) => run());
});

test("bpe and char train, or load what is named", async () => {
  const options = { vocabSize: 260, minFrequency: 0, preTokenizer: "gpt2" as const, specialTokens: {} };
  const trained = await entries.bpe.create(options).train!(["abab abab"]);
  expect([trained.kind, trained.vocabSize]).toEqual(["bpe", 259]);
  const phases: string[] = [];
  const char = await entries.char.create({ specialTokens: {} }).train!(["ab"], {
    inputs: [{ path: "a.txt", bytes: 2, sha256: "0".repeat(64) }],
    onProgress: ({ phase }) => phases.push(phase),
  });
  expect([char.vocabSize, char.manifest.corpus.inputs.length, phases]).toEqual([2, 1, ["count"]]);

  const provider = entries.char.create({ path: `${fixtures}char`, specialTokens: {} });
  expect(provider.train).toBeUndefined();
  expect((await provider.load!()).kind).toBe("char");
  expect((await entries.bpe.create({ ...options, path: `${fixtures}byte/tokenizer.json` }).load!()).kind).toBe("byte");
  const wrong = entries.char.create({ path: `${fixtures}bpe`, specialTokens: {} });
  await expect(wrong.load!()).rejects.toMatchObject({ code: "TOKENIZER_OPTIONS_INVALID" });
});

test("byte and hf are loaded", async () => {
  expect((await entries.byte.create({ specialTokens: {} }).load!()).vocabSize).toBe(256);
  const hf = await entries.hf.create({ path: `${fixtures}bpe` }).load!();
  expect(hf.kind).toBe("hf");
  expect(hf.encode(TEXTS[1]!)).toEqual((await OURS["bpe"]!()).encode(TEXTS[1]!));
});

test.each([
  {
    name: "wordpiece",
    provider: () =>
      entries.wordpiece.create({
        vocabSize: 60,
        preTokenizer: "whitespace",
        minFrequency: 0,
        specialTokens: { unk: "[UNK]" },
      }),
    hasUnknowns: true,
  },
  {
    name: "whitespace",
    provider: () => entries.whitespace.create({ vocabSize: 20, minFrequency: 0, specialTokens: { unk: "<unk>" } }),
    hasUnknowns: true,
  },
  ...(["unigram", "bpe"] as const).map((modelType) => ({
    name: `sentencepiece ${modelType}`,
    provider: () =>
      entries.sentencepiece.create({
        ...{ modelType, vocabSize: 300, characterCoverage: 1, byteFallback: true },
        specialTokens: { unk: "<unk>" },
      }),
    hasUnknowns: false,
  })),
])("$name trains", async ({ provider, hasUnknowns }) => {
  const tokenizer = await provider().train!(["the cat sat on the mat", "a cat and a mat and the hat"]);
  expect(tokenizer.manifest.result.vocab_size).toBe(tokenizer.vocabSize);
  expect(tokenizer.decode(tokenizer.encode("the cat and a hat"))).toBe("the cat and a hat");
  const unknown = tokenizer.encode("the \u4f60");
  expect([...unknown].includes(tokenizer.specialTokens.unk!.id)).toBe(hasUnknowns);
  if (!hasUnknowns) expect(tokenizer.decode(unknown)).toBe("the \u4f60");
  const again = parseTokenizer(tokenizer.toJSON(), { manifest: tokenizer.manifest });
  expect(again.encode("a cat sat")).toEqual(tokenizer.encode("a cat sat"));
});

test("a tokenizer of words needs a token for the others", async () => {
  const provider = entries.whitespace.create({ vocabSize: 20, minFrequency: 0, specialTokens: {} });
  await expect(provider.train!(["a b"])).rejects.toMatchObject({ code: "TOKENIZER_OPTIONS_INVALID" });
});
