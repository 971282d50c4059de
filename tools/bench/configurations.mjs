/** The three training configurations that every engine is measured on: GPT-2 architecture, forward, backward, clip at 1.0, AdamW. */
export const CONFIGURATIONS = {
  A: { layers: 4, heads: 4, width: 128, context: 64, batch: 12, vocabulary: 65 },
  B: { layers: 6, heads: 6, width: 384, context: 256, batch: 8, vocabulary: 65 },
  C: { layers: 12, heads: 12, width: 768, context: 256, batch: 4, vocabulary: 50257 },
};

/** Arithmetic of the matrix products of one step, forward and backward: 6 per weight and token, and attention (PaLM, appendix B). */
export function matmulFlop({ layers, width, context, batch, vocabulary }) {
  const weights = layers * 12 * width ** 2 + vocabulary * width;
  return batch * context * (6 * weights + 12 * layers * context * width);
}
