import { add, type Tensor, util } from "@tensorflow/tfjs-core";
import { runForward } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

const accumulateOp = {
  kernelName: "CodexAccumulate",
  forward: ({ sum, x }: { readonly sum: Tensor; readonly x: Tensor }): Tensor[] => [add(sum, x)],
};

/**
 * `sum + x`, without new memory on a device that can: of `sum` only the handle is left, to be disposed and not to be read. Not
 * differentiable.
 *
 * @param sum - float32, any shape
 * @param x - same shape; not changed
 * @returns same shape; the caller disposes it, and `sum` and `x`
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function accumulate(sum: Tensor, x: Tensor): Tensor {
  expectShape(util.arraysEqual(sum.shape, x.shape), "accumulate", "sum and x of one shape", { sum, x });
  return runForward(accumulateOp, { sum, x }, {})[0]!;
}
