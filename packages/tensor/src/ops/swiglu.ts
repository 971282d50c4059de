import { add, mul, sigmoid, sub, type Tensor, util } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

interface SwigluInputs {
  readonly gate: Tensor;
  readonly up: Tensor;
}

const swigluOp: FusedOp<SwigluInputs, Record<string, never>> = {
  kernelName: "CodexSwiglu",
  differentiable: ["gate", "up"],
  saved: ["gate", "up"],
  forward({ gate, up }) {
    return [mul(mul(gate, sigmoid(gate)), up)];
  },
  gradient({ dy, inputs: { gate, up } }) {
    const s = sigmoid(gate);
    const silu = mul(gate, s);
    return {
      gate: () => mul(mul(dy, up), add(s, mul(silu, sub(1, s)))), // s + gate s (1 - s)
      up: () => mul(dy, silu),
    };
  },
};

/**
 * `silu(gate) * up`, the gated unit of Llama's MLP (Shazeer 2020, eq. 6, without its products).
 *
 * @param gate - any shape
 * @param up - same shape as gate
 * @returns same shape; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  expectShape(util.arraysEqual(gate.shape, up.shape), "swiglu", "gate and up of one shape", { gate, up });
  return runFusedOp(swigluOp, { gate, up }, {});
}
