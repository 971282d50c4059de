import { add, div, minimum, mul, type Scalar, scalar, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { globalNorm } from "./global-norm.ts";

const EPSILON = 1e-6; // torch.nn.utils.clip_grad_norm_

/**
 * Scales gradients, measures their common norm, and shrinks them to `maxNorm` if it is more (Pascanu et al. 2013), as
 * `torch.nn.utils.clip_grad_norm_`: the factor is min(1, maxNorm / (norm + 1e-6)). It makes new gradients; without that, `globalNorm` and
 * the `gradientScale` of an optimizer clip as well.
 *
 * @param gradients - any shapes; not changed and not disposed
 * @param maxNorm - more than 0; undefined for no clipping
 * @param scale - multiplied in first, for instance 1 / targetCount
 * @returns new gradients, and the norm of the scaled ones before clipping; the caller disposes all of them
 * @throws {TensorError} `TENSOR_ARGUMENT_INVALID`
 */
export function clipByGlobalNorm(
  gradients: readonly Tensor[],
  maxNorm: number | undefined,
  scale?: Scalar,
): { gradients: Tensor[]; norm: Scalar } {
  if (maxNorm !== undefined && !(maxNorm > 0)) {
    throw new TensorError("TENSOR_ARGUMENT_INVALID", `clipByGlobalNorm: expected a maxNorm above 0, got ${maxNorm}`);
  }
  return tidy(() => {
    const raw = globalNorm(gradients);
    const norm = (scale === undefined ? raw : mul(raw, scale)) as Scalar;
    const clip = maxNorm === undefined ? scalar(1) : minimum(div(maxNorm, add(norm, EPSILON)), 1);
    const factor = scale === undefined ? clip : mul(clip, scale);
    return { gradients: gradients.map((gradient) => mul(gradient, factor)), norm };
  });
}
