/**
 * GPT-2 (Radford et al. 2019), as transformers' modeling_gpt2.py computes it: learned positions, layer norm before each block, GELU,
 * and weights stored as `Conv1D`, `[in, out]`. B batch, T sequence, C hiddenSize, H heads, D headDim.
 */
import { dropout, embedding, type LinearOptions, layerNorm, linear } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import type { LanguageModel } from "../../language-model.ts";
import { createCausalLanguageModel, type ForwardPass } from "../../layers/causal-language-model.ts";
import { type Initialization, type ParameterSpec, type Parameters, weightsOf } from "../../layers/parameters.ts";
import { type Gpt2Config, writeGpt2Config } from "./config.ts";

const CONV1D = { weightLayout: "inOut" } as const;

/** Initial values as in the GPT-2 paper: what each block adds to the residual stream starts smaller by the square root of the number of additions. */
export function gpt2ParameterSpecs(config: Gpt2Config): readonly ParameterSpec[] {
  const { hiddenSize: width, numHiddenLayers: layers } = config;
  const inner = config.intermediateSize!;
  const normal: Initialization = { kind: "normal", std: config.initializerRange };
  const residual: Initialization = { kind: "normal", std: config.initializerRange / Math.sqrt(2 * layers) };
  const zeros: Initialization = { kind: "zeros" };
  const norm = (name: string): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [width], init: { kind: "ones" } },
    { name: `${name}.bias`, shape: [width], init: zeros },
  ];
  const conv1d = (name: string, from: number, to: number, init: Initialization): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [from, to], init },
    { name: `${name}.bias`, shape: [to], init: zeros },
  ];
  const block = (index: number): ParameterSpec[] => {
    const prefix = `transformer.h.${index}`;
    return [
      ...norm(`${prefix}.ln_1`),
      ...conv1d(`${prefix}.attn.c_attn`, width, 3 * width, normal),
      ...conv1d(`${prefix}.attn.c_proj`, width, width, residual),
      ...norm(`${prefix}.ln_2`),
      ...conv1d(`${prefix}.mlp.c_fc`, width, inner, normal),
      ...conv1d(`${prefix}.mlp.c_proj`, inner, width, residual),
    ];
  };
  return [
    { name: "transformer.wte.weight", shape: [config.vocabSize, width], init: normal },
    { name: "transformer.wpe.weight", shape: [config.maxPositionEmbeddings, width], init: normal },
    ...Array.from({ length: layers }, (_, index) => block(index)).flat(),
    ...norm("transformer.ln_f"),
    ...(config.tieWordEmbeddings ? [] : [{ name: "lm_head.weight", shape: [config.vocabSize, width], init: normal }]),
  ];
}

/** OpenAI's own files lack the `transformer.` prefix; `attn.bias` and `attn.masked_bias` are stored causal masks. */
export function gpt2ParameterName(tensorName: string): string | undefined {
  if (/\.attn\.(masked_)?bias$/.test(tensorName)) return undefined;
  return tensorName.startsWith("transformer.") || tensorName === "lm_head.weight"
    ? tensorName
    : `transformer.${tensorName}`;
}

/** The model over given parameters, which it owns from here on. */
export function buildGpt2(config: Gpt2Config, parameters: Parameters): LanguageModel<Gpt2Config> {
  const { matrix, vector } = weightsOf(parameters);
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    layerNorm(x, vector(`${name}.weight`), vector(`${name}.bias`), config.layerNormEpsilon);
  const conv1d = (x: tf.Tensor, name: string, options: LinearOptions = {}): tf.Tensor =>
    linear(x, matrix(`${name}.weight`), vector(`${name}.bias`), { ...CONV1D, ...options });
  const activation = config.activationFunction === "gelu" ? "gelu" : "geluTanh";

  const embed = (inputIds: tf.Tensor2D, pass: ForwardPass): tf.Tensor => {
    const tokens = embedding(matrix("transformer.wte.weight"), inputIds); // [B, T, C]
    const table = matrix("transformer.wpe.weight");
    const positions =
      pass.positionIds === undefined
        ? tf.slice(table, [pass.offset, 0], [inputIds.shape[1], config.hiddenSize]) // [T, C]
        : embedding(table, pass.positionIds);
    return pass.dropout.apply(tf.add(tokens, positions), 0, config.embdPdrop);
  };
  /** What a block adds to the residual stream, added: in the product's own op where nothing is dropped. */
  const addProjection = (
    stream: tf.Tensor,
    x: tf.Tensor,
    name: string,
    site: number,
    pass: ForwardPass,
    options: LinearOptions = {},
  ): tf.Tensor => {
    const dropped = pass.dropout.attributes(site, config.residPdrop);
    if (dropped === undefined) return conv1d(x, name, { ...options, residual: stream });
    return tf.add(stream, dropout(conv1d(x, name, options), dropped));
  };

  return createCausalLanguageModel({
    family: "gpt2",
    config,
    parameters,
    head: matrix(config.tieWordEmbeddings ? "transformer.wte.weight" : "lm_head.weight"),
    configJson: () => writeGpt2Config(config),
    hiddenStates(inputIds, pass) {
      let x = embed(inputIds, pass);
      for (let layer = 0; layer < config.numHiddenLayers; layer++) {
        const prefix = `transformer.h.${layer}`;
        const qkv = conv1d(norm(x, `${prefix}.ln_1`), `${prefix}.attn.c_attn`); // [B, T, 3 C]
        const place = { site: 3 * layer + 1, rate: config.attnPdrop };
        const attended = pass.selfAttend(layer, qkv, config.numAttentionHeads, place);
        x = addProjection(x, attended, `${prefix}.attn.c_proj`, 3 * layer + 2, pass);
        const widened = conv1d(norm(x, `${prefix}.ln_2`), `${prefix}.mlp.c_fc`); // [B, T, intermediateSize]
        x = addProjection(x, widened, `${prefix}.mlp.c_proj`, 3 * layer + 3, pass, { inputActivation: activation });
      }
      return norm(x, "transformer.ln_f");
    },
  });
}
