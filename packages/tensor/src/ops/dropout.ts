import { fillUniform, type PhiloxKey } from "@codex/random";
import { mul, type Tensor, tensor } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { type FusedOp, runFusedOp } from "../fused-op.ts";

export interface DropoutAttributes {
  /** Share of the elements that become zero, 0 <= rate < 1; the others are divided by 1 - rate. */
  readonly rate: number;
  /** Key of the Philox stream of `@codex/random` (`RandomStream.key`). */
  readonly key: PhiloxKey;
  /** Index in the stream of the first element's draw; element `i` takes draw `offset + i`. */
  readonly offset: number;
}

const dropoutOp: FusedOp<{ readonly x: Tensor }, DropoutAttributes> = {
  kernelName: "CodexDropout",
  differentiable: ["x"],
  saved: [],
  forward({ x }, attributes) {
    const mask = tensor(dropoutMask(x.size, attributes), x.shape);
    return [mul(x, mask), mask];
  },
  gradient({ dy, extra: [mask] }) {
    return { x: () => mul(dy, mask!) };
  },
};

/**
 * Inverted dropout (Srivastava et al. 2014). The mask is a function of key and offset alone, so it is the same on every device and in
 * a run that was stopped and resumed.
 *
 * @param x - any shape
 * @returns same shape; the caller disposes it
 * @throws {TensorError} `TENSOR_ARGUMENT_INVALID` for a rate outside [0, 1)
 */
export function dropout(x: Tensor, attributes: DropoutAttributes): Tensor {
  checkDropoutRate("dropout", attributes.rate);
  return runFusedOp(dropoutOp, { x }, attributes);
}

export function checkDropoutRate(op: string, rate: number): void {
  if (rate >= 0 && rate < 1) return;
  throw new TensorError("TENSOR_ARGUMENT_INVALID", `${op}: expected a dropout rate in [0, 1), got ${rate}`);
}

/** The factors of `size` elements: 0 where the draw is below the rate, else 1 / (1 - rate). */
function dropoutMask(size: number, { rate, key, offset }: DropoutAttributes): Float32Array {
  const mask = fillUniform(key, new Float32Array(size), offset);
  const kept = 1 / (1 - rate);
  for (let i = 0; i < size; i++) mask[i] = mask[i]! < rate ? 0 : kept;
  return mask;
}
