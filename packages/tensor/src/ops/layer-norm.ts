import { add, mean, mul, reshape, rsqrt, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape, lastDimension } from "../shape-checks.ts";

interface LayerNormInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
}

const layerNormOp: FusedOp<LayerNormInputs, { eps: number }> = {
  kernelName: "CodexLayerNorm",
  differentiable: ["x", "weight", "bias"],
  saved: ["x", "weight"],
  forward({ x, weight, bias }, { eps }) {
    const mu = mean(x, -1, true);
    const centered = sub(x, mu);
    const rstd = rsqrt(add(mean(square(centered), -1, true), eps)); // [..., 1]
    const scaled = mul(mul(centered, rstd), weight);
    return [bias === undefined ? scaled : add(scaled, bias), mu, rstd];
  },
  gradient({ dy, inputs: { x, weight }, extra: [mu, rstd] }) {
    const normalized = mul(sub(x, mu!), rstd!);
    return {
      x() {
        const dNormalized = mul(dy, weight);
        const alongOnes = mean(dNormalized, -1, true);
        const alongX = mean(mul(dNormalized, normalized), -1, true);
        return mul(rstd!, sub(sub(dNormalized, alongOnes), mul(normalized, alongX)));
      },
      weight: () => sumRows(mul(dy, normalized)),
      bias: () => sumRows(dy),
    };
  },
};

/**
 * Layer normalization of the last dimension (Ba et al. 2016), as `torch.nn.functional.layer_norm`: variance without Bessel's correction.
 *
 * @param x - `[..., hiddenSize]`
 * @param weight - `[hiddenSize]`
 * @param bias - `[hiddenSize]`, or undefined for none
 * @param eps - added to the variance
 * @returns same shape as x; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor | undefined, eps: number): Tensor {
  const size = lastDimension("layerNorm", x);
  for (const parameter of [weight, bias]) {
    if (parameter === undefined) continue;
    expectShape(
      parameter.rank === 1 && parameter.shape[0] === size,
      "layerNorm",
      "x [..., hiddenSize], weight and bias [hiddenSize]",
      { x, parameter },
    );
  }
  return runFusedOp(layerNormOp, { x, weight, bias }, { eps });
}

/** Sum over all dimensions but the last. */
export function sumRows(x: Tensor): Tensor {
  return sum(reshape(x, [-1, x.shape[x.rank - 1]!]), 0);
}
