import { add, erf, exp, mul, sigmoid, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";

export interface GeluOptions {
  /** `none`: with the error function; `tanh`: GPT-2's `gelu_new`. PyTorch's words. */
  readonly approximate: "none" | "tanh";
}

// 0.5 (1 + tanh(u)) is sigmoid(2 u), with u = sqrt(2 / pi) (x + 0.044715 x^3): Hendrycks and Gimpel 2016, section 2.
const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = LINEAR * 0.044715;

const geluOp: FusedOp<{ readonly x: Tensor }, { approximate: "none" | "tanh" }> = {
  kernelName: "CodexGelu",
  differentiable: ["x"],
  saved: ["x"],
  forward({ x }, { approximate }) {
    return [mul(x, approximate === "tanh" ? tanhGate(x) : normalCdf(x))];
  },
  gradient({ dy, inputs: { x }, attributes: { approximate } }) {
    if (approximate === "none") {
      const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return { x: () => mul(dy, add(normalCdf(x), mul(x, density))) };
    }
    const gate = tanhGate(x);
    const slope = add(mul(square(x), 3 * CUBIC), LINEAR); // of the sigmoid's argument
    return { x: () => mul(dy, mul(gate, add(mul(mul(x, slope), sub(1, gate)), 1))) };
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

function tanhGate(x: Tensor): Tensor {
  return sigmoid(mul(x, add(mul(square(x), CUBIC), LINEAR)));
}

function normalCdf(x: Tensor): Tensor {
  return mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
}
