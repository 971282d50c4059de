import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { hasKernel, runKernel } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

export interface SampleOptions {
  /** Divides the logits; 0 takes the highest, the first of several. */
  readonly temperature: number;
  /** Keeps the k highest; 0 keeps all. */
  readonly topK: number;
  /** Keeps the smallest set of likely tokens whose probabilities reach p. */
  readonly topP: number;
  /** Keeps tokens of at least this share of the highest probability. */
  readonly minP: number;
  /** Divides the positive logits of the tokens in `context`, and multiplies the negative ones. */
  readonly repetitionPenalty: number;
  /** One in [0, 1) per row: what the token is drawn with. */
  readonly uniforms: readonly number[];
  /** int32 `[batch, length]`: the tokens so far. Needed for a repetition penalty other than 1. */
  readonly context?: Tensor;
}

/**
 * The next token of each row, chosen on the device, so that the logits stay there. There is no composed form: sampling is a matter of
 * sorting, and a device without a kernel does it no better than JavaScript.
 *
 * @param logits - `[batch, vocab]`
 * @returns int32 `[batch]`, -1 for a row whose logits hold NaN or positive infinity; the caller disposes it. Undefined if the device has
 * no kernel `CodexSample`
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function sample(logits: Tensor, options: SampleOptions): Tensor1D | undefined {
  const { context, temperature, topK, topP, minP, repetitionPenalty, uniforms } = options;
  expectShape(logits.rank === 2, "sample", "logits [batch, vocab]", { logits });
  const batch = logits.shape[0]!;
  if (uniforms.length !== batch || !uniforms.every((uniform) => uniform >= 0 && uniform < 1)) {
    throw new TensorError("TENSOR_ARGUMENT_INVALID", `sample: expected ${batch} uniforms in [0, 1), got ${uniforms}`);
  }
  if (context !== undefined) {
    const fits = context.rank === 2 && context.shape[0] === batch && context.dtype === "int32";
    expectShape(fits, "sample", "context int32 [batch, length]", { logits, context });
  }
  if (!hasKernel("CodexSample")) return undefined;
  const attributes = { temperature, topK, topP, minP, repetitionPenalty, uniforms };
  return runKernel("CodexSample", { logits, context }, attributes)[0] as Tensor1D;
}
