import { add, mean, mul, rsqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape, lastDimension } from "../shape-checks.ts";
import { sumRows } from "./layer-norm.ts";

interface RmsNormInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
}

const rmsNormOp: FusedOp<RmsNormInputs, { eps: number }> = {
  kernelName: "CodexRmsNorm",
  differentiable: ["x", "weight"],
  saved: ["x", "weight"],
  forward({ x, weight }, { eps }) {
    const rstd = rsqrt(add(mean(square(x), -1, true), eps)); // [..., 1]
    return [mul(mul(x, rstd), weight), rstd];
  },
  gradient({ dy, inputs: { x, weight }, extra: [rstd] }) {
    const normalized = mul(x, rstd!);
    return {
      x() {
        const dNormalized = mul(dy, weight);
        const alongX = mean(mul(dNormalized, normalized), -1, true);
        return mul(rstd!, sub(dNormalized, mul(normalized, alongX)));
      },
      weight: () => sumRows(mul(dy, normalized)),
    };
  },
};

/**
 * Root mean square normalization of the last dimension (Zhang and Sennrich 2019), as `LlamaRMSNorm` in float32.
 *
 * @param x - `[..., hiddenSize]`
 * @param weight - `[hiddenSize]`
 * @param eps - added to the mean square
 * @returns same shape as x; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  const size = lastDimension("rmsNorm", x);
  expectShape(weight.rank === 1 && weight.shape[0] === size, "rmsNorm", "x [..., hiddenSize], weight [hiddenSize]", {
    x,
    weight,
  });
  return runFusedOp(rmsNormOp, { x, weight }, { eps });
}
