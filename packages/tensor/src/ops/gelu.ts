import { mul, type Tensor } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { ACTIVATIONS } from "./activation.ts";

export interface GeluOptions {
  /** `none`: with the error function; `tanh`: GPT-2's `gelu_new`. PyTorch's words. */
  readonly approximate: "none" | "tanh";
}

const geluOp: FusedOp<{ readonly x: Tensor }, GeluOptions> = {
  kernelName: "CodexGelu",
  differentiable: ["x"],
  saved: ["x"],
  forward({ x }, { approximate }) {
    return [formOf(approximate).value(x)];
  },
  gradient({ dy, inputs: { x }, attributes: { approximate } }) {
    return { x: () => mul(dy, formOf(approximate).derivative(x)) };
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

function formOf(approximate: GeluOptions["approximate"]) {
  return approximate === "tanh" ? ACTIVATIONS.geluTanh : ACTIVATIONS.gelu;
}
