/** The next token from logits. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

interface Attributes {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  /** One per row. */
  readonly uniforms: readonly number[];
}

export const sampling: readonly KernelConfig[] = [
  kernel<{ logits: TensorInfo; context?: TensorInfo }, Attributes>(
    "CodexSample",
    (backend, { logits, context }, { temperature, topK, topP, minP, repetitionPenalty, uniforms }) =>
      backend.run(
        "Sample",
        context === undefined ? [logits] : [logits, context],
        [{ shape: [logits.shape[0]!], dtype: "int32" }],
        { ints: [topK], floats: [temperature, topP, minP, repetitionPenalty, ...uniforms] },
      ),
  ),
];
