import { readdirSync, readFileSync } from "node:fs";
import { findModelFamily, gpt2, llama, type ModelConfig, ModelError, parseModelConfig } from "@codex/models";
import fc from "fast-check";

const golden = new URL("../golden/", import.meta.url);
const readJson = (path: string) => JSON.parse(readFileSync(new URL(path, golden), "utf8")) as Record<string, unknown>;
const folders = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return error instanceof ModelError ? error.code : String(error);
  }
  return undefined;
}

// As published with the models, for what matters here.
const GPT2_OF_OPENAI = {
  activation_function: "gelu_new",
  architectures: ["GPT2LMHeadModel"],
  attn_pdrop: 0.1,
  bos_token_id: 50256,
  embd_pdrop: 0.1,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: "gpt2",
  n_ctx: 1024,
  n_embd: 768,
  n_head: 12,
  n_layer: 12,
  n_positions: 1024,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: "cls_index",
  summary_use_proj: true,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } },
  vocab_size: 50257,
};
const LLAMA_3_2_1B = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32.0,
    high_freq_factor: 4.0,
    low_freq_factor: 1.0,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000.0,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  transformers_version: "4.45.0.dev0",
  use_cache: true,
  vocab_size: 128256,
};

test("reads the config.json of gpt2", () => {
  expect(gpt2.readConfig(GPT2_OF_OPENAI, "config.json")).toEqual({
    modelType: "gpt2",
    vocabSize: 50257,
    hiddenSize: 768,
    numHiddenLayers: 12,
    numAttentionHeads: 12,
    maxPositionEmbeddings: 1024,
    activationFunction: "gelu_new",
    layerNormEpsilon: 1e-5,
    initializerRange: 0.02,
    embdPdrop: 0.1,
    attnPdrop: 0.1,
    residPdrop: 0.1,
    tieWordEmbeddings: true,
    bosTokenId: 50256,
    eosTokenId: 50256,
  });
});

test("reads the config.json of Llama 3.2, in the older spelling of rope", () => {
  expect(llama.readConfig(LLAMA_3_2_1B, "config.json")).toEqual({
    modelType: "llama",
    vocabSize: 128256,
    hiddenSize: 2048,
    intermediateSize: 8192,
    numHiddenLayers: 16,
    numAttentionHeads: 32,
    numKeyValueHeads: 8,
    headDim: 64,
    hiddenAct: "silu",
    maxPositionEmbeddings: 131072,
    rmsNormEps: 1e-5,
    initializerRange: 0.02,
    tieWordEmbeddings: true,
    attentionBias: false,
    mlpBias: false,
    attentionDropout: 0,
    bosTokenId: 128000,
    eosTokenId: [128001, 128008, 128009],
    ropeParameters: {
      ropeType: "llama3",
      ropeTheta: 500000,
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 8192,
    },
  });
});

test("both spellings of rope mean the same", () => {
  const { rope_scaling, rope_theta, ...rest } = LLAMA_3_2_1B;
  const newer = { ...rest, rope_parameters: { ...rope_scaling, rope_theta } };
  expect(llama.readConfig(newer, "config.json")).toEqual(llama.readConfig(LLAMA_3_2_1B, "config.json"));
  const oldest = { ...rest, rope_theta, rope_scaling: { type: "linear", factor: 2 } };
  expect(llama.readConfig(oldest, "config.json")).toMatchObject({
    ropeParameters: { ropeType: "linear", ropeTheta: 500000, factor: 2 },
  });
  expect(codeOf(() => llama.readConfig({ ...newer, rope_scaling }, "config.json"))).toBe("MODEL_CONFIG_INVALID");
});

test.each(folders)("the config.json of %s survives reading and writing", (folder) => {
  const json = readJson(`${folder}/config.json`);
  const family = findModelFamily(json["model_type"]);
  const config = family.resolveConfig(family.readConfig(json, "config.json"));
  const written = family.writeConfig(config);
  expect(family.resolveConfig(family.readConfig(written, "config.json"))).toEqual(config);
  // Every field that we write is the one that transformers wrote; the dtype is what we store.
  for (const [name, value] of Object.entries(written))
    if (name !== "dtype") expect([name, json[name]]).toEqual([name, value]);
});

test.each([
  ["scale_attn_by_inverse_layer_idx", true],
  ["scale_attn_weights", false],
  ["reorder_and_upcast_attn", true],
  ["add_cross_attention", true],
  ["activation_function", "relu"],
  ["quantization_config", { bits: 4 }],
  ["is_encoder_decoder", true],
  ["sliding_window", 128],
  ["a_field_of_the_future", 1],
])("gpt2 refuses %s = %j by name", (field, value) => {
  const act = () => gpt2.readConfig({ ...GPT2_OF_OPENAI, [field]: value }, "folder/config.json");
  expect(codeOf(act)).toBe("MODEL_CONFIG_UNSUPPORTED");
  expect(act).toThrow(new RegExp(`^folder/config\\.json: ${field}: `));
});

test.each([
  ["hidden_act", "gelu"],
  ["pretraining_tp", 2],
  ["partial_rotary_factor", 0.5],
  ["sliding_window", 4096],
  ["layer_types", ["sliding_attention"]],
  ["quantization_config", { quant_method: "gptq" }],
  ["use_sliding_window", true],
  ["logit_scale", 0.5],
  ["original_max_position_embeddings", 4096],
])("llama refuses %s = %j by name", (field, value) => {
  const act = () => llama.readConfig({ ...LLAMA_3_2_1B, [field]: value }, "folder/config.json");
  expect(codeOf(act)).toBe("MODEL_CONFIG_UNSUPPORTED");
  expect(act).toThrow(new RegExp(`^folder/config\\.json: ${field}: `));
});

test.each(["dynamic", "yarn", "longrope", "proportional", "toString"])(
  "llama refuses the rope type %s by name",
  (type) => {
    const act = () =>
      llama.readConfig({ ...LLAMA_3_2_1B, rope_scaling: { rope_type: type, factor: 2 } }, "config.json");
    expect(act).toThrow(
      `config.json: rope_scaling.rope_type: this model family supports default, linear, llama3 only, got "${type}"`,
    );
    expect(codeOf(act)).toBe("MODEL_CONFIG_UNSUPPORTED");
  },
);

test.each([
  [{ rope_type: "llama3", factor: 8 }, /rope_scaling: low_freq_factor: expected a finite number, got nothing/],
  [{ rope_type: "linear", factor: 2, attention_factor: 1 }, /rope_scaling: attention_factor/],
  [{ rope_type: "default", partial_rotary_factor: 0.5 }, /rope_scaling: partial_rotary_factor/],
])("llama refuses rope parameters that are missing or too many: %j", (rope_scaling, message) => {
  expect(() => llama.readConfig({ ...LLAMA_3_2_1B, rope_scaling }, "config.json")).toThrow(message);
});

test("neutral values and nulls of unsupported fields pass", () => {
  const neutral = {
    sliding_window: null,
    partial_rotary_factor: 1,
    quantization_config: null,
    pruned_heads: {},
    pad_token_id: -1,
  };
  expect(llama.readConfig({ ...LLAMA_3_2_1B, ...neutral }, "config.json")).toEqual(
    llama.readConfig(LLAMA_3_2_1B, "config.json"),
  );
});

test.each([
  ["vocab_size", "50257", /vocab_size: expected an integer, got "50257"/],
  ["n_layer", 1.5, /n_layer: expected an integer, got 1\.5/],
  ["tie_word_embeddings", "yes", /tie_word_embeddings: expected true or false, got "yes"/],
  ["eos_token_id", ["x"], /eos_token_id: expected a token id, a list of them or null/],
  ["n_ctx", 512, /n_ctx: expected n_positions \(1024\), got 512/],
])("gpt2 refuses a mistyped %s", (field, value, message) => {
  const act = () => gpt2.readConfig({ ...GPT2_OF_OPENAI, [field]: value }, "config.json");
  expect(act).toThrow(message);
  expect(codeOf(act)).toBe("MODEL_CONFIG_INVALID");
});

const tiny = {
  vocabSize: 10,
  hiddenSize: 8,
  intermediateSize: 12,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  maxPositionEmbeddings: 4,
};

test.each([
  ["gpt2", { hiddenSize: 9 }, /^hiddenSize: expected a multiple of numAttentionHeads \(2\), got 9/],
  ["llama", { hiddenSize: 9 }, /^hiddenSize: expected a multiple of numAttentionHeads \(2\), got 9/],
  [
    "llama",
    { numAttentionHeads: 4, numKeyValueHeads: 3 },
    /^numAttentionHeads: expected a multiple of numKeyValueHeads \(3\), got 4/,
  ],
  ["llama", { headDim: 3 }, /^headDim: rotary positions need an even width, got 3/],
  ["llama", { ropeParameters: { ropeType: "linear" } }, /^ropeParameters: ropeType "linear" needs factor, got none/],
  ["llama", { ropeParameters: { factor: 2 } }, /^ropeParameters: ropeType "default" has no factor, got 2/],
  ["gpt2", { nLayers: 3 }, /^gpt2: must not have additional properties: nLayers/],
  ["gpt2", { embdPdrop: 1 }, /^gpt2\.embdPdrop: must be < 1/],
  ["gpt2", { activationFunction: "relu" }, /^gpt2\.activationFunction: .*gelu_new, gelu_pytorch_tanh, gelu$/],
  ["gpt2", { vocabSize: "many" }, /^gpt2\.vocabSize: must be integer/],
])("%s refuses %j", (modelType, change, message) => {
  const act = () => parseModelConfig(findModelFamily(modelType), { modelType, ...tiny, ...change });
  expect(act).toThrow(message);
  expect(codeOf(act)).toBe("MODEL_CONFIG_INVALID");
});

test("an unknown family is an error that lists what there is", () => {
  expect(() => findModelFamily("mamba")).toThrow('model_type: expected one of gpt2, llama, got "mamba"');
});

test("any configuration that parses is the same after writing and reading", () => {
  const heads = fc.constantFrom([4, 4], [4, 2], [4, 1], [6, 3]);
  fc.assert(
    fc.property(heads, fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 5 }), ([h, k], tied, bias, factor) => {
      const config: ModelConfig = parseModelConfig(llama, {
        modelType: "llama",
        ...tiny,
        hiddenSize: 24,
        numAttentionHeads: h,
        numKeyValueHeads: k,
        tieWordEmbeddings: tied,
        attentionBias: bias,
        ropeParameters: { ropeType: "linear", factor },
        eosTokenId: tied ? [1, 2] : 3,
      });
      expect(llama.resolveConfig(llama.readConfig(llama.writeConfig(config), "x"))).toEqual(config);
    }),
    { seed: 3, numRuns: 50 },
  );
});
