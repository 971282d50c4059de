/**
 * Llama (Touvron et al. 2023), as transformers' modeling_llama.py computes it: RMS norm before each block, rotary positions (rotate-half
 * layout), grouped-query attention, SwiGLU. B batch, T sequence, H query heads, K key/value heads, D headDim.
 */
import { embedding, rmsNorm, rotaryEmbedding, swiglu } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import type { LanguageModel } from "../../language-model.ts";
import {
  createCausalLanguageModel,
  type ForwardPass,
  type PassLinearOptions,
} from "../../layers/causal-language-model.ts";
import { mergeHeads, splitHeads } from "../../layers/heads.ts";
import { type Initialization, type ParameterSpec, type Parameters, weightsOf } from "../../layers/parameters.ts";
import { rotaryAngles, rotaryFrequencies } from "../../layers/rotary.ts";
import { type LlamaConfig, resolveLlamaConfig, writeLlamaConfig } from "./config.ts";

/**
 * Initial values: normal with `initializerRange`, as transformers does; what a block adds to the residual stream starts smaller by
 * sqrt(2 * layers), which GPT-2 and nanoGPT do and transformers' Llama does not.
 */
export function llamaParameterSpecs(config: LlamaConfig): readonly ParameterSpec[] {
  const { hiddenSize, intermediateSize, numAttentionHeads, numKeyValueHeads, headDim, numHiddenLayers } =
    resolveLlamaConfig(config);
  const normal: Initialization = { kind: "normal", std: config.initializerRange };
  const residual: Initialization = { kind: "normal", std: config.initializerRange / Math.sqrt(2 * numHiddenLayers) };
  const norm = (name: string): ParameterSpec => ({
    name: `${name}.weight`,
    shape: [hiddenSize],
    init: { kind: "ones" },
  });
  const projection = (name: string, from: number, to: number, bias: boolean, init = normal): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [to, from], init },
    ...(bias ? [{ name: `${name}.bias`, shape: [to], init: { kind: "zeros" } } as const] : []),
  ];
  const block = (index: number): ParameterSpec[] => {
    const prefix = `model.layers.${index}`;
    return [
      norm(`${prefix}.input_layernorm`),
      ...projection(`${prefix}.self_attn.q_proj`, hiddenSize, numAttentionHeads * headDim, config.attentionBias),
      ...projection(`${prefix}.self_attn.k_proj`, hiddenSize, numKeyValueHeads * headDim, config.attentionBias),
      ...projection(`${prefix}.self_attn.v_proj`, hiddenSize, numKeyValueHeads * headDim, config.attentionBias),
      ...projection(
        `${prefix}.self_attn.o_proj`,
        numAttentionHeads * headDim,
        hiddenSize,
        config.attentionBias,
        residual,
      ),
      norm(`${prefix}.post_attention_layernorm`),
      ...projection(`${prefix}.mlp.gate_proj`, hiddenSize, intermediateSize, config.mlpBias),
      ...projection(`${prefix}.mlp.up_proj`, hiddenSize, intermediateSize, config.mlpBias),
      ...projection(`${prefix}.mlp.down_proj`, intermediateSize, hiddenSize, config.mlpBias, residual),
    ];
  };
  return [
    { name: "model.embed_tokens.weight", shape: [config.vocabSize, hiddenSize], init: normal },
    ...Array.from({ length: numHiddenLayers }, (_, index) => block(index)).flat(),
    norm("model.norm"),
    ...(config.tieWordEmbeddings
      ? []
      : [{ name: "lm_head.weight", shape: [config.vocabSize, hiddenSize], init: normal }]),
  ];
}

/** Files of the base model lack the `model.` prefix; `rotary_emb.inv_freq` is a stored buffer of older files. */
export function llamaParameterName(tensorName: string): string | undefined {
  if (tensorName.endsWith("rotary_emb.inv_freq")) return undefined;
  return tensorName.startsWith("model.") || tensorName === "lm_head.weight" ? tensorName : `model.${tensorName}`;
}

/** The model over given parameters, which it owns from here on. */
export function buildLlama(config: LlamaConfig, parameters: Parameters): LanguageModel<LlamaConfig> {
  const { numAttentionHeads, numKeyValueHeads, headDim } = resolveLlamaConfig(config);
  const frequencies = rotaryFrequencies(headDim, config.ropeParameters);
  const { matrix, vector, optionalVector } = weightsOf(parameters);
  const norm = (x: tf.Tensor, name: string): tf.Tensor => rmsNorm(x, vector(`${name}.weight`), config.rmsNormEps);
  const project = (x: tf.Tensor, name: string, pass: ForwardPass, options: PassLinearOptions = {}): tf.Tensor =>
    pass.linear(x, matrix(`${name}.weight`), optionalVector(`${name}.bias`), options);

  type Angles = ReturnType<typeof rotaryAngles>;
  const angles = (inputIds: tf.Tensor2D, pass: ForwardPass): Angles => {
    const seq = inputIds.shape[1];
    const positions = pass.positionIds ?? tf.reshape(tf.range(pass.offset, pass.offset + seq), [1, seq]);
    return rotaryAngles(positions as tf.Tensor2D, frequencies);
  };
  const attended = (x: tf.Tensor, layer: number, { cos, sin }: Angles, pass: ForwardPass): tf.Tensor => {
    const prefix = `model.layers.${layer}.self_attn`;
    const heads = (name: string, count: number) => splitHeads(project(x, `${prefix}.${name}`, pass), count);
    const [q, k] = [heads("q_proj", numAttentionHeads), heads("k_proj", numKeyValueHeads)].map((turning) =>
      rotaryEmbedding(turning, cos, sin, { layout: "bthd" }),
    ) as [tf.Tensor4D, tf.Tensor4D]; // [B, T, H, D], [B, T, K, D]
    const v = heads("v_proj", numKeyValueHeads);
    return mergeHeads(pass.attend(layer, q, k, v, { site: layer, rate: config.attentionDropout }));
  };
  const gated = (x: tf.Tensor, layer: number, pass: ForwardPass): tf.Tensor => {
    const prefix = `model.layers.${layer}.mlp`;
    return swiglu(project(x, `${prefix}.gate_proj`, pass), project(x, `${prefix}.up_proj`, pass));
  };

  return createCausalLanguageModel({
    family: "llama",
    config,
    parameters,
    head: matrix(config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"),
    configJson: () => writeLlamaConfig(config),
    hiddenStates(inputIds, pass) {
      const turned = angles(inputIds, pass);
      let x: tf.Tensor = embedding(matrix("model.embed_tokens.weight"), inputIds); // [B, T, C]
      for (let layer = 0; layer < config.numHiddenLayers; layer++) {
        const prefix = `model.layers.${layer}`;
        const seen = attended(norm(x, `${prefix}.input_layernorm`), layer, turned, pass);
        x = project(seen, `${prefix}.self_attn.o_proj`, pass, { residual: x });
        const widened = gated(norm(x, `${prefix}.post_attention_layernorm`), layer, pass);
        x = project(widened, `${prefix}.mlp.down_proj`, pass, { residual: x });
      }
      return norm(x, "model.norm");
    },
  });
}
