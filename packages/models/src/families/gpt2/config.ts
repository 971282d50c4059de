import Type from "typebox";
import { ModelError } from "../../errors.ts";
import { readConfigFields, unsupported } from "../config-fields.ts";
import { checkHeads, droppedShare, tokenIdProperties, writeTokenIds } from "../config-properties.ts";

const ACTIVATIONS = ["gelu_new", "gelu_pytorch_tanh", "gelu"] as const;

/** Configuration of the GPT-2 family (Radford et al. 2019), in the words of Hugging Face, camelCased and in their common set. */
export const Gpt2Config = Type.Object(
  {
    modelType: Type.Literal("gpt2", { default: "gpt2" }),
    vocabSize: Type.Integer({ minimum: 1, description: "Number of token ids." }),
    hiddenSize: Type.Integer({ minimum: 1, description: "Width of the residual stream." }),
    numHiddenLayers: Type.Integer({ minimum: 1, description: "Number of blocks." }),
    numAttentionHeads: Type.Integer({ minimum: 1, description: "Attention heads; divides hiddenSize." }),
    intermediateSize: Type.Optional(
      Type.Integer({ minimum: 1, description: "Width of the MLP; default 4 * hiddenSize." }),
    ),
    maxPositionEmbeddings: Type.Integer({ minimum: 1, description: "Context length, in tokens." }),
    activationFunction: Type.Enum([...ACTIVATIONS], {
      default: "gelu_new",
      description: "GELU of the MLP: gelu_new and gelu_pytorch_tanh are the tanh approximation.",
    }),
    layerNormEpsilon: Type.Number({ exclusiveMinimum: 0, default: 1e-5, description: "Added to the variance." }),
    initializerRange: Type.Number({
      exclusiveMinimum: 0,
      default: 0.02,
      description: "Standard deviation of the initial weights.",
    }),
    embdPdrop: droppedShare("Dropout after the embeddings."),
    attnPdrop: droppedShare("Dropout of attention weights."),
    residPdrop: droppedShare("Dropout of what each block adds to the residual stream."),
    tieWordEmbeddings: Type.Boolean({ default: true, description: "The output head is the token embedding." }),
    ...tokenIdProperties,
  },
  { additionalProperties: false },
);
export type Gpt2Config = Type.Static<typeof Gpt2Config>;

/** `intermediateSize` filled. @throws {ModelError} `MODEL_CONFIG_INVALID` when the heads do not divide the width */
export function resolveGpt2Config(config: Gpt2Config): Gpt2Config {
  checkHeads(config);
  return { ...config, intermediateSize: config.intermediateSize ?? 4 * config.hiddenSize };
}

/** From Hugging Face's config.json; absent fields have the defaults of its `GPT2Config`. */
export function readGpt2Config(json: Readonly<Record<string, unknown>>, where: string): Gpt2Config {
  const fields = readConfigFields(json, where);
  fields.requireNeutral({
    model_type: "gpt2",
    scale_attn_weights: true,
    scale_attn_by_inverse_layer_idx: false,
    reorder_and_upcast_attn: false, // the order of a product, and a dtype we always use: but only with eager attention
    add_cross_attention: false,
    is_encoder_decoder: false,
    quantization_config: undefined,
    pruned_heads: undefined,
    chunk_size_feed_forward: 0,
    cross_attention_hidden_size: undefined,
    tie_encoder_decoder: false,
    use_bfloat16: false,
  });
  const activation = fields.text("activation_function", "gelu_new");
  if (!ACTIVATIONS.some((name) => name === activation))
    throw unsupported(where, "activation_function", activation, ACTIVATIONS.join(", "));
  const config: Gpt2Config = {
    modelType: "gpt2",
    vocabSize: fields.integer("vocab_size", 50257),
    hiddenSize: fields.integer("n_embd", 768),
    numHiddenLayers: fields.integer("n_layer", 12),
    numAttentionHeads: fields.integer("n_head", 12),
    maxPositionEmbeddings: fields.integer("n_positions", 1024),
    activationFunction: activation as Gpt2Config["activationFunction"],
    layerNormEpsilon: fields.number("layer_norm_epsilon", 1e-5),
    initializerRange: fields.number("initializer_range", 0.02),
    embdPdrop: fields.number("embd_pdrop", 0.1),
    attnPdrop: fields.number("attn_pdrop", 0.1),
    residPdrop: fields.number("resid_pdrop", 0.1),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", true),
  };
  const intermediateSize = fields.optionalInteger("n_inner");
  if (intermediateSize !== undefined) config.intermediateSize = intermediateSize;
  Object.assign(config, fields.specialTokens());
  if (fields.integer("n_ctx", config.maxPositionEmbeddings) !== config.maxPositionEmbeddings) {
    throw new ModelError(
      "MODEL_CONFIG_INVALID",
      `${where}: n_ctx: expected n_positions (${config.maxPositionEmbeddings}), got ${json["n_ctx"]}`,
    );
  }
  // The summary head belongs to GPT2DoubleHeadsModel, not to the language model.
  fields.finish([
    "summary_type",
    "summary_use_proj",
    "summary_activation",
    "summary_proj_to_labels",
    "summary_first_dropout",
  ]);
  return config;
}

/** To Hugging Face's config.json. */
export function writeGpt2Config(config: Gpt2Config): Record<string, unknown> {
  const resolved = resolveGpt2Config(config);
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: resolved.vocabSize,
    n_embd: resolved.hiddenSize,
    n_layer: resolved.numHiddenLayers,
    n_head: resolved.numAttentionHeads,
    n_inner: resolved.intermediateSize,
    n_positions: resolved.maxPositionEmbeddings,
    activation_function: resolved.activationFunction,
    layer_norm_epsilon: resolved.layerNormEpsilon,
    initializer_range: resolved.initializerRange,
    embd_pdrop: resolved.embdPdrop,
    attn_pdrop: resolved.attnPdrop,
    resid_pdrop: resolved.residPdrop,
    tie_word_embeddings: resolved.tieWordEmbeddings,
    ...writeTokenIds(resolved),
    dtype: "float32",
  };
}
