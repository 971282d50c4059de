import { add, div, mul, type Scalar, sqrt, square, sub, type Tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { checkOptimizerLists, checkStep } from "./optimizer-checks.ts";
import { checkGradientScale, readGradientScale, runOptimizerKernel } from "./optimizer-kernel.ts";

export interface AdamWArguments {
  readonly parameters: readonly Variable[];
  readonly gradients: readonly Tensor[];
  /** Running means of the gradients, zero before the first step. */
  readonly firstMoments: readonly Variable[];
  /** Running means of their squares, zero before the first step. */
  readonly secondMoments: readonly Variable[];
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** One per parameter. */
  readonly weightDecay: readonly number[];
  /** Counts from 1. */
  readonly step: number;
  /** Every gradient is multiplied by it first. If it is NaN or infinite, the step changes nothing. */
  readonly gradientScale?: Scalar;
}

/** What the kernel `CodexAdamW` gets beside the tensors. */
export interface AdamWAttributes {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: readonly number[];
  readonly step: number;
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019), equal to `torch.optim.AdamW`: decoupled decay, eps outside of the corrected root.
 * Assigns the parameters and both moments; gradients stay the caller's.
 *
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function adamW(args: AdamWArguments): void {
  const { parameters, gradients, firstMoments, secondMoments, gradientScale } = args;
  const { learningRate, beta1, beta2, eps, weightDecay, step } = args;
  checkStep("adamW", step);
  checkOptimizerLists("adamW", parameters, { gradients, firstMoments, secondMoments }, weightDecay);
  checkGradientScale("adamW", gradientScale);
  const attributes: AdamWAttributes = { learningRate, beta1, beta2, eps, weightDecay, step };
  const ran = runOptimizerKernel({
    kernelName: "CodexAdamW",
    inputs: { parameters, gradients, firstMoments, secondMoments },
    gradientScale,
    attributes: { ...attributes },
    updated: [...parameters, ...firstMoments, ...secondMoments],
  });
  if (ran) return;
  const scale = readGradientScale(gradientScale);
  if (scale === undefined) return;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction = Math.sqrt(1 - beta2 ** step);
  parameters.forEach((parameter, i) => {
    const [firstMoment, secondMoment] = [firstMoments[i]!, secondMoments[i]!];
    tidy(() => {
      const gradient = scale === 1 ? gradients[i]! : mul(gradients[i]!, scale);
      const first = add(firstMoment, mul(sub(gradient, firstMoment), 1 - beta1));
      const second = add(mul(secondMoment, beta2), mul(square(gradient), 1 - beta2));
      const denominator = add(div(sqrt(second), correction), eps);
      parameter.assign(sub(mul(parameter, 1 - learningRate * weightDecay[i]!), mul(div(first, denominator), stepSize)));
      firstMoment.assign(first);
      secondMoment.assign(second);
    });
  });
}
