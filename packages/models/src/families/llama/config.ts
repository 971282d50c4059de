import Type from "typebox";
import { ModelError } from "../../errors.ts";
import { checkRopeParameters, ROPE_TYPE_PARAMETERS, RopeParameters } from "../../layers/rotary.ts";
import { type ConfigFields, readConfigFields, unsupported } from "../config-fields.ts";
import { checkHeads, droppedShare, tokenIdProperties, writeTokenIds } from "../config-properties.ts";

/** Configuration of the Llama family (Touvron et al. 2023), in the words of Hugging Face, camelCased. */
export const LlamaConfig = Type.Object(
  {
    modelType: Type.Literal("llama", { default: "llama" }),
    vocabSize: Type.Integer({ minimum: 1, description: "Number of token ids." }),
    hiddenSize: Type.Integer({ minimum: 1, description: "Width of the residual stream." }),
    intermediateSize: Type.Integer({ minimum: 1, description: "Width of the SwiGLU." }),
    numHiddenLayers: Type.Integer({ minimum: 1, description: "Number of blocks." }),
    numAttentionHeads: Type.Integer({ minimum: 1, description: "Query heads; divides hiddenSize." }),
    numKeyValueHeads: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Key and value heads, each shared by a group of query heads; default numAttentionHeads.",
      }),
    ),
    headDim: Type.Optional(
      Type.Integer({ minimum: 2, description: "Width of a head, even; default hiddenSize / numAttentionHeads." }),
    ),
    hiddenAct: Type.Literal("silu", { default: "silu", description: "Gate of the MLP." }),
    maxPositionEmbeddings: Type.Integer({ minimum: 1, description: "Context length, in tokens." }),
    rmsNormEps: Type.Number({ exclusiveMinimum: 0, default: 1e-6, description: "Added to the mean square." }),
    initializerRange: Type.Number({
      exclusiveMinimum: 0,
      default: 0.02,
      description: "Standard deviation of the initial weights.",
    }),
    tieWordEmbeddings: Type.Boolean({ default: false, description: "The output head is the token embedding." }),
    attentionBias: Type.Boolean({ default: false, description: "Biases in the projections of attention." }),
    mlpBias: Type.Boolean({ default: false, description: "Biases in the projections of the MLP." }),
    attentionDropout: droppedShare("Dropout of attention weights."),
    ropeParameters: RopeParameters,
    ...tokenIdProperties,
  },
  { additionalProperties: false },
);
export type LlamaConfig = Type.Static<typeof LlamaConfig>;

/** A configuration whose derived fields are filled. */
export type ResolvedLlamaConfig = LlamaConfig & { numKeyValueHeads: number; headDim: number };

/** `numKeyValueHeads` and `headDim` filled. @throws {ModelError} `MODEL_CONFIG_INVALID` */
export function resolveLlamaConfig(config: LlamaConfig): ResolvedLlamaConfig {
  checkHeads(config);
  const {
    numAttentionHeads,
    numKeyValueHeads = numAttentionHeads,
    headDim = config.hiddenSize / numAttentionHeads,
  } = config;
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw new ModelError(
      "MODEL_CONFIG_INVALID",
      `numAttentionHeads: expected a multiple of numKeyValueHeads (${numKeyValueHeads}), got ${numAttentionHeads}`,
    );
  }
  if (headDim % 2 !== 0) {
    throw new ModelError("MODEL_CONFIG_INVALID", `headDim: rotary positions need an even width, got ${headDim}`);
  }
  checkRopeParameters(config.ropeParameters);
  return { ...config, numKeyValueHeads, headDim };
}

/** From Hugging Face's config.json, old or new spelling; absent fields have the defaults of its `LlamaConfig`. */
export function readLlamaConfig(json: Readonly<Record<string, unknown>>, where: string): LlamaConfig {
  const fields = readConfigFields(json, where);
  fields.requireNeutral({
    model_type: "llama",
    hidden_act: "silu",
    pretraining_tp: 1, // above 1, transformers sums the parts of a product in another order
    partial_rotary_factor: 1,
    original_max_position_embeddings: undefined, // would replace the value inside of rope_parameters
    rope_interleaved: false,
    sliding_window: undefined,
    use_sliding_window: false,
    layer_types: undefined,
    is_encoder_decoder: false,
    add_cross_attention: false,
    quantization_config: undefined,
    pruned_heads: undefined,
    chunk_size_feed_forward: 0,
    cross_attention_hidden_size: undefined,
    tie_encoder_decoder: false,
    use_bfloat16: false,
  });
  const config: LlamaConfig = {
    modelType: "llama",
    vocabSize: fields.integer("vocab_size", 32000),
    hiddenSize: fields.integer("hidden_size", 4096),
    intermediateSize: fields.integer("intermediate_size", 11008),
    numHiddenLayers: fields.integer("num_hidden_layers", 32),
    numAttentionHeads: fields.integer("num_attention_heads", 32),
    hiddenAct: "silu",
    maxPositionEmbeddings: fields.integer("max_position_embeddings", 2048),
    rmsNormEps: fields.number("rms_norm_eps", 1e-6),
    initializerRange: fields.number("initializer_range", 0.02),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    attentionBias: fields.boolean("attention_bias", false),
    mlpBias: fields.boolean("mlp_bias", false),
    attentionDropout: fields.number("attention_dropout", 0),
    ropeParameters: readRopeParameters(fields, where),
    ...fields.specialTokens(),
  };
  const numKeyValueHeads = fields.optionalInteger("num_key_value_heads");
  if (numKeyValueHeads !== undefined) config.numKeyValueHeads = numKeyValueHeads;
  const headDim = fields.optionalInteger("head_dim");
  if (headDim !== undefined) config.headDim = headDim;
  fields.finish();
  return config;
}

const ROPE_SPELLING = {
  factor: "factor",
  lowFreqFactor: "low_freq_factor",
  highFreqFactor: "high_freq_factor",
  originalMaxPositionEmbeddings: "original_max_position_embeddings",
} as const;

/** transformers 5 writes `rope_parameters`; before, `rope_theta` stood beside `rope_scaling`, whose `rope_type` was once called `type`. */
function readRopeParameters(fields: ConfigFields, where: string): RopeParameters {
  const scaling = fields.object("rope_scaling");
  const parameters = fields.object("rope_parameters");
  const key = scaling === undefined ? "rope_parameters" : "rope_scaling";
  if (scaling !== undefined && parameters !== undefined) {
    throw new ModelError(
      "MODEL_CONFIG_INVALID",
      `${where}: rope_parameters and rope_scaling: expected one of the two spellings, got both`,
    );
  }
  const rope = readConfigFields(scaling ?? parameters ?? {}, `${where}: ${key}`);
  rope.requireNeutral({ partial_rotary_factor: 1 });
  const olderType = rope.text("type", "default");
  const ropeType = rope.text("rope_type", olderType);
  if (!Object.hasOwn(ROPE_TYPE_PARAMETERS, ropeType)) {
    throw unsupported(where, `${key}.rope_type`, ropeType, Object.keys(ROPE_TYPE_PARAMETERS).join(", "));
  }
  const outerTheta = fields.number("rope_theta", 10000);
  const read: RopeParameters = {
    ropeType: ropeType as RopeParameters["ropeType"],
    ropeTheta: rope.number("rope_theta", outerTheta),
  };
  for (const name of ROPE_TYPE_PARAMETERS[read.ropeType]) read[name] = rope.number(ROPE_SPELLING[name]);
  rope.finish();
  return read;
}

/** To Hugging Face's config.json, in the spelling of transformers 5. */
export function writeLlamaConfig(config: LlamaConfig): Record<string, unknown> {
  const resolved = resolveLlamaConfig(config);
  const { ropeParameters: rope } = resolved;
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: resolved.vocabSize,
    hidden_size: resolved.hiddenSize,
    intermediate_size: resolved.intermediateSize,
    num_hidden_layers: resolved.numHiddenLayers,
    num_attention_heads: resolved.numAttentionHeads,
    num_key_value_heads: resolved.numKeyValueHeads,
    head_dim: resolved.headDim,
    hidden_act: resolved.hiddenAct,
    max_position_embeddings: resolved.maxPositionEmbeddings,
    rms_norm_eps: resolved.rmsNormEps,
    initializer_range: resolved.initializerRange,
    tie_word_embeddings: resolved.tieWordEmbeddings,
    attention_bias: resolved.attentionBias,
    mlp_bias: resolved.mlpBias,
    attention_dropout: resolved.attentionDropout,
    rope_parameters: {
      rope_type: rope.ropeType,
      rope_theta: rope.ropeTheta,
      ...Object.fromEntries(ROPE_TYPE_PARAMETERS[rope.ropeType].map((name) => [ROPE_SPELLING[name], rope[name]])),
    },
    ...writeTokenIds(resolved),
    dtype: "float32",
  };
}
