import { add, type Scalar, scalar, sqrt, square, sum, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { runForward } from "../fused-op.ts";

const globalNormOp = {
  kernelName: "CodexGlobalNorm",
  forward({ tensors }: { readonly tensors: readonly Tensor[] }): Tensor[] {
    const squares = tensors.map(sumOfSquares);
    return [sqrt(squares.reduce((total, square) => add(total, square)))];
  },
};

/**
 * L2 norm over all elements of all tensors together.
 *
 * @param tensors - float32, any shapes
 * @returns not a number, or infinity, if an element is that; the caller disposes it
 */
export function globalNorm(tensors: readonly Tensor[]): Scalar {
  if (tensors.length === 0) return scalar(0);
  return tidy(() => runForward(globalNormOp, { tensors }, {})[0] as Scalar);
}

/** Rows first, then their sums: float32 sums of millions of squares in one chain lose three digits. */
function sumOfSquares(x: Tensor): Tensor {
  return x.rank < 2 ? sum(square(x)) : sum(sum(square(x), -1));
}
