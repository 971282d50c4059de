import { add, erf, exp, mul, square, sub, type Tensor, tanh } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";

export interface GeluOptions {
  /** `none`: with the error function; `tanh`: GPT-2's `gelu_new`. PyTorch's words. */
  readonly approximate: "none" | "tanh";
}

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715; // Hendrycks and Gimpel 2016, section 2

const geluOp: FusedOp<{ readonly x: Tensor }, { approximate: "none" | "tanh" }> = {
  kernelName: "CodexGelu",
  differentiable: ["x"],
  saved: ["x"],
  forward({ x }, { approximate }) {
    return [mul(x, approximate === "tanh" ? tanhGate(x).gate : normalCdf(x))];
  },
  gradient({ dy, inputs: { x }, attributes: { approximate } }) {
    if (approximate === "none") {
      const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return { x: mul(dy, add(normalCdf(x), mul(x, density))) };
    }
    const { gate, tangent } = tanhGate(x);
    const slope = mul(add(mul(square(x), 3 * CUBIC), 1), SQRT_2_OVER_PI); // of the argument of tanh
    const dGate = mul(mul(sub(1, square(tangent)), slope), 0.5);
    return { x: mul(dy, add(gate, mul(x, dGate))) };
  },
};

/**
 * Gaussian error linear unit (Hendrycks and Gimpel 2016), as `torch.nn.functional.gelu`.
 *
 * @param x - any shape
 * @returns same shape; the caller disposes it
 */
export function gelu(x: Tensor, options: GeluOptions): Tensor {
  return runFusedOp(geluOp, { x }, { approximate: options.approximate });
}

function tanhGate(x: Tensor): { gate: Tensor; tangent: Tensor } {
  const argument = mul(mul(x, add(mul(square(x), CUBIC), 1)), SQRT_2_OVER_PI);
  const tangent = tanh(argument);
  return { gate: mul(add(tangent, 1), 0.5), tangent };
}

function normalCdf(x: Tensor): Tensor {
  return mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
}
