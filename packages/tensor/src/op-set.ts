/**
 * The fused ops by kernel name, with the attributes a backend's kernel receives: what a native engine implements. The engine says
 * which version it was written for, and device selection refuses another. An input `name?` may be missing; `name*` is an array.
 * See docs/design/op-set.md.
 */
export const OP_SET = {
  version: 2,
  ops: {
    CodexLinear: { inputs: ["x", "weight", "bias?", "residual?"], attributes: ["weightLayout", "inputActivation"] },
    CodexEmbedding: { inputs: ["weight", "ids"], attributes: ["vocabSize"] },
    CodexLayerNorm: { inputs: ["x", "weight", "bias?"], attributes: ["eps"] },
    CodexRmsNorm: { inputs: ["x", "weight"], attributes: ["eps"] },
    CodexRotaryEmbedding: { inputs: ["x", "cos", "sin"], attributes: ["layout"] },
    CodexAttention: {
      inputs: ["q", "k", "v", "documentIds?"],
      attributes: ["causal", "scale", "dropout", "maxScores", "layout", "keyLength"],
    },
    CodexSelfAttention: {
      inputs: ["qkv", "documentIds?"],
      attributes: ["numAttentionHeads", "numKeyValueHeads", "causal", "scale", "dropout", "maxScores"],
    },
    CodexGelu: { inputs: ["x"], attributes: ["approximate"] },
    CodexSwiglu: { inputs: ["gate", "up"], attributes: [] },
    CodexDropout: { inputs: ["x"], attributes: ["rate", "key", "offset"] },
    CodexLinearCrossEntropy: {
      inputs: ["hidden", "weight", "labels"],
      attributes: ["ignoreIndex", "withGradients", "maxLogits"],
    },
    CodexGlobalNorm: { inputs: ["tensors*"], attributes: [] },
    CodexAccumulate: { inputs: ["sum", "x"], attributes: [] },
    CodexAdamW: {
      inputs: ["parameters*", "gradients*", "firstMoments*", "secondMoments*", "gradientScale?"],
      attributes: ["learningRate", "beta1", "beta2", "eps", "weightDecay", "step"],
    },
    CodexSgd: {
      inputs: ["parameters*", "gradients*", "momentumBuffers*", "gradientScale?"],
      attributes: ["learningRate", "momentum", "weightDecay", "nesterov", "step"],
    },
    CodexCacheAppend: { inputs: ["cache", "fresh"], attributes: ["position"] },
    CodexSample: {
      inputs: ["logits", "context?"],
      attributes: ["temperature", "topK", "topP", "minP", "repetitionPenalty", "uniforms"],
    },
  },
} as const;
