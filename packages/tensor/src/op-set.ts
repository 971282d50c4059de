/**
 * The fused ops by kernel name, with the attributes a backend's kernel receives: what a native engine implements. The engine says
 * which version it was written for, and device selection refuses another. See docs/design/op-set.md.
 */
export const OP_SET = {
  version: 1,
  ops: {
    CodexLinear: { inputs: ["x", "weight", "bias?"], attributes: ["weightLayout"] },
    CodexEmbedding: { inputs: ["weight", "ids"], attributes: ["vocabSize"] },
    CodexLayerNorm: { inputs: ["x", "weight", "bias?"], attributes: ["eps"] },
    CodexRmsNorm: { inputs: ["x", "weight"], attributes: ["eps"] },
    CodexRotaryEmbedding: { inputs: ["x", "cos", "sin"], attributes: [] },
    CodexAttention: {
      inputs: ["q", "k", "v", "documentIds?"],
      attributes: ["causal", "scale", "dropout", "maxScores"],
    },
    CodexGelu: { inputs: ["x"], attributes: ["approximate"] },
    CodexSwiglu: { inputs: ["gate", "up"], attributes: [] },
    CodexDropout: { inputs: ["x"], attributes: ["rate", "key", "offset"] },
    CodexLinearCrossEntropy: {
      inputs: ["hidden", "weight", "labels"],
      attributes: ["ignoreIndex", "withGradients", "maxLogits"],
    },
    CodexAdamW: {
      inputs: ["parameter", "gradient", "firstMoment", "secondMoment"],
      attributes: ["beta1", "beta2", "eps", "decay", "stepSize", "correction"],
    },
  },
} as const;
