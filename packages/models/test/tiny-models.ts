import { createModel, type LanguageModel } from "@codex/models";

const sizes = {
  vocabSize: 31,
  hiddenSize: 16,
  intermediateSize: 24,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  maxPositionEmbeddings: 12,
};

/** Small configurations that between them use every option of the families. Weights are larger than usual, so that logits differ. */
export const tinyConfigs = {
  gpt2: { modelType: "gpt2", ...sizes, initializerRange: 0.2, embdPdrop: 0.1, attnPdrop: 0.2, residPdrop: 0.3 },
  "gpt2 untied": {
    modelType: "gpt2",
    ...sizes,
    initializerRange: 0.2,
    tieWordEmbeddings: false,
    activationFunction: "gelu",
  },
  llama: { modelType: "llama", ...sizes, initializerRange: 0.2, numKeyValueHeads: 2, eosTokenId: [2, 3] },
  "llama with biases": {
    modelType: "llama",
    ...sizes,
    initializerRange: 0.2,
    numKeyValueHeads: 1,
    headDim: 6,
    tieWordEmbeddings: true,
    attentionBias: true,
    mlpBias: true,
    attentionDropout: 0.2,
    ropeParameters: { ropeType: "linear", factor: 2 },
  },
} as const;

export type TinyName = keyof typeof tinyConfigs;

export function createTiny(name: TinyName, seed = 1): LanguageModel {
  return createModel(tinyConfigs[name], { seed });
}
