import { fileURLToPath } from "node:url";
import { checkVocabulary, createModel, hostTensors, ModelError } from "@codex/models";
import { gpt2, llama, type ModelEntry } from "@codex/models/registry";
import { createRegistries, readPlugin, registerPlugins } from "@codex/registry";
import Value from "typebox/value";
import { selectDevice } from "./devices.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const sizes = {
  hiddenSize: 8,
  intermediateSize: 12,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  maxPositionEmbeddings: 4,
};

test.each([
  ["gpt2", gpt2],
  ["llama", llama],
] as const)("the entry %s makes the model that createModel makes", (modelType, entry) => {
  const context = { vocabSize: 11, seed: 3, eosTokenId: 2 };
  const made = entry.create(sizes as never, context);
  const expected = createModel({ modelType, ...sizes, vocabSize: 11, eosTokenId: 2 }, { seed: 3 });
  expect(made.config).toEqual(expected.config);
  expect(hostTensors(made)).toEqual(hostTensors(expected));
  for (const model of [made, expected]) model.dispose();
});

test("an entry's schema checks its options and leaves out what the tokenizer says", () => {
  const accepts = (entry: ModelEntry, options: object) =>
    Value.Check(entry.configSchema as never, Value.Default(entry.configSchema as never, options));
  expect(accepts(llama, sizes)).toBe(true);
  expect(accepts(llama, { ...sizes, ropeParameters: { ropeType: "linear", factor: 2 } })).toBe(true);
  expect(accepts(llama, { ...sizes, ropeParameters: { ropeType: "yarn" } })).toBe(false);
  expect(accepts(gpt2, { ...sizes, n_layer: 2 })).toBe(false);
  expect(accepts(gpt2, { ...sizes, vocabSize: 11 })).toBe(false);
  expect(accepts(gpt2, {})).toBe(false);
});

test("the registry finds both by the manifest of the package", async () => {
  const plugin = await readPlugin(fileURLToPath(new URL("..", import.meta.url)));
  const registries = createRegistries({ kinds: ["models"] });
  expect(registerPlugins(registries, [plugin]).map(({ problem }) => problem)).toEqual([undefined]);
  expect(registries.of("models").names()).toEqual(["gpt2", "llama"]);
  expect(await registries.of("models").resolve("LLAMA")).toBe(llama);
});

test("tokenizer and model must have the same vocabulary", () => {
  const model = { config: { vocabSize: 50257 } };
  expect(checkVocabulary(model, { vocabSize: 50257 })).toBeUndefined();
  expect(() => checkVocabulary(model, { vocabSize: 50258 })).toThrow(ModelError);
  expect(() => checkVocabulary(model, { vocabSize: 50258 })).toThrow(
    "the model has 50257 token ids, the tokenizer 50258",
  );
});
