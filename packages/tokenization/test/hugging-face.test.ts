import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  loadTokenizer,
  parseHfTokenizer,
  parseTokenizer,
  type Tokenizer,
  trainByteLevelBpe,
} from "@codex/tokenization";
import { golden, type HubCase, type TrainedCase } from "./golden.ts";

const trained = golden<TrainedCase[]>("trained.json");
const hub = golden<HubCase[]>("hub-style.json");

describe.each(trained.map((fixture, index) => ({ index, fixture })))("trained tokenizer $index", ({ fixture }) => {
  const train = () =>
    trainByteLevelBpe(fixture.corpus, {
      vocabSize: fixture.vocabSize,
      minFrequency: fixture.minFrequency,
      preTokenizer: fixture.preTokenizer,
      specialTokens: { additional: fixture.special },
    });

  test("has the merges of the BpeTrainer, in its order", async () => {
    const tokenizer = await train();
    const merges = tokenizer.toJSON().model.merges as [string, string][];
    expect(merges.map((merge) => merge.join(" "))).toEqual(fixture.merges);
    expect(tokenizer.vocabSize).toBe(fixture.resultSize);
  });

  test("gives the same ids and texts", async () => {
    const tokenizer = await train();
    for (const one of fixture.cases) {
      expect(ids(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
      expect(ids(tokenizer.encode(one.text))).toEqual(one.none ?? one.all);
      expect(tokenizer.decode(one.all)).toBe(one.decoded);
    }
    for (const { ids, text } of fixture.decodings) expect(tokenizer.decode(ids)).toBe(text);
  });
});

test.each(hub)("reads a $name tokenizer natively, with the same ids", ({ name, json, cases }) => {
  const tokenizer = parseTokenizer(json);
  for (const one of cases) {
    expect(ids(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
    if (name === "unigram" && one.text.includes("</s>")) {
      // Its model has the special token among the ordinary ones, and Hugging Face tokenizers lets it through.
      const content = tokenizer.encode(one.text, { addSpecialTokens: false });
      expect(ids(content)).not.toContain(tokenizer.tokenToId("</s>"));
    } else expect(ids(tokenizer.encode(one.text))).toEqual(one.none ?? one.all);
    expect(tokenizer.decode(one.all)).toBe(one.decoded);
  }
  expect(tokenizer.toJSON()).toEqual(json);
});

test.each(hub.filter(({ name }) => name === "bert" || name === "unigram"))(
  "a $name tokenizer is read by the adapter with the same ids",
  async ({ name, json, cases }) => {
    const tokenizer = await parseHfTokenizer(json);
    expect(tokenizer.kind).toBe("hf");
    for (const one of cases) {
      expect(ids(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
      if (name === "unigram" && one.text.includes("</s>")) {
        // Its model has the special token among the ordinary ones: the guarantee can only be kept by an error.
        expect(() => tokenizer.encode(one.text)).toThrow(
          expect.objectContaining({ code: "TOKENIZER_SPECIAL_TOKEN_IN_TEXT" }),
        );
      } else {
        expect(ids(tokenizer.encode(one.text))).toEqual(one.none ?? one.all);
      }
      expect(tokenizer.decode(one.all)).toBe(one.decoded);
      const stream = tokenizer.streamDecoder();
      expect(one.all.map((id) => stream.push(id)).join("") + stream.end()).toBe(one.decoded);
    }
    expect(tokenizer.toJSON()).toEqual(json);
  },
);

describe("loadTokenizer", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "codex-tokenizer-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function loadSaved(files: Record<string, string>): Promise<Tokenizer> {
    for (const [name, contents] of Object.entries(files)) writeFileSync(join(directory, name), contents);
    return loadTokenizer(directory);
  }

  test.each(hub)("opens what the adapter saved of a $name tokenizer, with the adapter", async ({ json, cases }) => {
    const saved = (await parseHfTokenizer(json, { config: { model_max_length: 64 } })).saveFiles();
    const tokenizer = await loadSaved(saved);
    expect(tokenizer.kind).toBe("hf");
    for (const one of cases) expect(ids(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
    expect(tokenizer.saveFiles()).toEqual(saved);
    expect(JSON.parse(saved["tokenizer_config.json"]!)).toMatchObject({ model_max_length: 64 });
  });

  test.each(hub)("reads a $name tokenizer of another program by what knows it", async ({ name, json, cases }) => {
    const tokenizer = await loadSaved({ "tokenizer.json": JSON.stringify(json) });
    expect(tokenizer.kind).toBe({ bert: "wordpiece", unigram: "unigram" }[name] ?? "bpe");
    for (const one of cases) expect(ids(tokenizer.encode(one.text, { allowedSpecial: "all" }))).toEqual(one.all);
  });

  test("what is not known is an error, and not left to the adapter", async () => {
    const json = { ...hub[0]!.json, pre_tokenizer: { type: "Replace", pattern: { String: "a" }, content: "b" } };
    await expect(loadSaved({ "tokenizer.json": JSON.stringify(json) })).rejects.toMatchObject({
      code: "TOKENIZER_UNSUPPORTED",
      message: expect.stringMatching(/tokenizer\.json: tokenizer\.json: pre_tokenizer\.type: supported is/),
    });
  });
});

function ids(array: Uint32Array): number[] {
  return Array.from(array);
}
