import type { LanguageModel } from "@codex/models";

/**
 * Floating-point operations of a training step per token: 6 per weight, and 12 * layers * width * context for attention where the configuration
 * says what those are (Chowdhery et al. 2022, PaLM, appendix B).
 */
export function flopsPerToken(model: LanguageModel, sequenceLength: number): number {
  let weights = 0;
  for (const { variable } of model.parameters().values()) weights += variable.size;
  const { numHiddenLayers, hiddenSize } = model.config as { numHiddenLayers?: unknown; hiddenSize?: unknown };
  const attention =
    typeof numHiddenLayers === "number" && typeof hiddenSize === "number"
      ? 12 * numHiddenLayers * hiddenSize * sequenceLength
      : 0;
  return 6 * weights + attention;
}
