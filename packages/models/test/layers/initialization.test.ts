import { createModel, gpt2, llama, parseModelConfig } from "@codex/models";
import { createStream } from "@codex/random";
import { selectDevice } from "../devices.ts";
import { createTiny, tinyConfigs } from "../tiny-models.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const sizes = {
  vocabSize: 300,
  hiddenSize: 64,
  intermediateSize: 128,
  numHiddenLayers: 8,
  numAttentionHeads: 4,
  maxPositionEmbeddings: 32,
};

function deviation(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0) / values.length);
}

test.each([
  ["gpt2", "transformer.wte.weight", 0.02],
  ["gpt2", "transformer.h.3.attn.c_attn.weight", 0.02],
  ["gpt2", "transformer.h.3.attn.c_proj.weight", 0.02 / 4], // sqrt(2 * 8 layers)
  ["gpt2", "transformer.h.7.mlp.c_proj.weight", 0.02 / 4],
  ["llama", "model.embed_tokens.weight", 0.02],
  ["llama", "model.layers.0.self_attn.q_proj.weight", 0.02],
  ["llama", "model.layers.0.self_attn.o_proj.weight", 0.02 / 4],
  ["llama", "model.layers.5.mlp.down_proj.weight", 0.02 / 4],
  ["llama", "lm_head.weight", 0.02],
])("%s: %s starts with a standard deviation of %d", (modelType, name, expected) => {
  const model = createModel({ modelType, ...sizes }, { seed: 5 });
  const values = model.parameters().get(name)!.variable.dataSync();
  // Four standard errors of the estimate from 4096 or more values are 4.4 %.
  expect(Math.abs(deviation(values) / expected - 1)).toBeLessThan(0.044);
  model.dispose();
});

test("norms start at 1, biases at 0", () => {
  const model = createTiny("gpt2");
  const valuesOf = (name: string) => new Set(model.parameters().get(`transformer.${name}`)!.variable.dataSync());
  expect(valuesOf("h.0.ln_1.weight")).toEqual(new Set([1]));
  expect(valuesOf("h.1.attn.c_attn.bias")).toEqual(new Set([0]));
  model.dispose();
});

test("a parameter's values depend on seed and name alone", () => {
  const values = (layers: number, seed: number) => {
    const model = createModel(
      { ...tinyConfigs.gpt2, numHiddenLayers: layers },
      { initStream: createStream(seed, "init") },
    );
    const found = [...model.parameters().get("transformer.h.0.mlp.c_fc.weight")!.variable.dataSync()];
    model.dispose();
    return found;
  };
  expect(values(3, 9)).toEqual(values(1, 9));
  expect(values(1, 10)).not.toEqual(values(1, 9));
});

test("the first values of a model are pinned: a change would make old seeds useless", () => {
  const model = createTiny("llama", 1234);
  const head = [...model.parameters().get("model.embed_tokens.weight")!.variable.dataSync().slice(0, 3)];
  expect(head).toEqual([0.06442561000585556, -0.144590362906456, -0.11953254044055939]);
  model.dispose();
});

test("parameters have the names and shapes of transformers", () => {
  const shapesOf = (family: typeof gpt2, config: object) =>
    Object.fromEntries(family.parameterSpecs(parseModelConfig(family, config)).map(({ name, shape }) => [name, shape]));
  expect(shapesOf(gpt2, { modelType: "gpt2", ...sizes, numHiddenLayers: 1 })).toEqual({
    "transformer.wte.weight": [300, 64],
    "transformer.wpe.weight": [32, 64],
    "transformer.h.0.ln_1.weight": [64],
    "transformer.h.0.ln_1.bias": [64],
    "transformer.h.0.attn.c_attn.weight": [64, 192],
    "transformer.h.0.attn.c_attn.bias": [192],
    "transformer.h.0.attn.c_proj.weight": [64, 64],
    "transformer.h.0.attn.c_proj.bias": [64],
    "transformer.h.0.ln_2.weight": [64],
    "transformer.h.0.ln_2.bias": [64],
    "transformer.h.0.mlp.c_fc.weight": [64, 128],
    "transformer.h.0.mlp.c_fc.bias": [128],
    "transformer.h.0.mlp.c_proj.weight": [128, 64],
    "transformer.h.0.mlp.c_proj.bias": [64],
    "transformer.ln_f.weight": [64],
    "transformer.ln_f.bias": [64],
  });
  expect(
    shapesOf(llama, { modelType: "llama", ...sizes, numHiddenLayers: 1, numKeyValueHeads: 2, headDim: 8 }),
  ).toEqual({
    "model.embed_tokens.weight": [300, 64],
    "model.layers.0.input_layernorm.weight": [64],
    "model.layers.0.self_attn.q_proj.weight": [32, 64],
    "model.layers.0.self_attn.k_proj.weight": [16, 64],
    "model.layers.0.self_attn.v_proj.weight": [16, 64],
    "model.layers.0.self_attn.o_proj.weight": [64, 32],
    "model.layers.0.post_attention_layernorm.weight": [64],
    "model.layers.0.mlp.gate_proj.weight": [128, 64],
    "model.layers.0.mlp.up_proj.weight": [128, 64],
    "model.layers.0.mlp.down_proj.weight": [64, 128],
    "model.norm.weight": [64],
    "lm_head.weight": [300, 64],
  });
});
