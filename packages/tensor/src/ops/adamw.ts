import { add, div, mul, sqrt, square, sub, type Tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { type FusedOp, runForward } from "../fused-op.ts";
import { checkOptimizerLists, checkStep } from "./optimizer-checks.ts";

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
}

export interface AdamWInputs {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

export interface AdamWAttributes {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** 1 - learningRate * weightDecay. */
  readonly decay: number;
  /** learningRate / (1 - beta1^step). */
  readonly stepSize: number;
  /** sqrt(1 - beta2^step). */
  readonly correction: number;
}

/** Outputs: parameter, firstMoment, secondMoment. A kernel may write in place and return its inputs' data with one more reference. */
const adamWOp: Pick<FusedOp<AdamWInputs, AdamWAttributes>, "kernelName" | "forward"> = {
  kernelName: "CodexAdamW",
  forward({ parameter, gradient, firstMoment, secondMoment }, { beta1, beta2, eps, decay, stepSize, correction }) {
    const first = add(firstMoment, mul(sub(gradient, firstMoment), 1 - beta1));
    const second = add(mul(secondMoment, beta2), mul(square(gradient), 1 - beta2));
    const denominator = add(div(sqrt(second), correction), eps);
    return [sub(mul(parameter, decay), mul(div(first, denominator), stepSize)), first, second];
  },
};

/**
 * One step of AdamW (Loshchilov and Hutter 2019), equal to `torch.optim.AdamW`: decoupled decay, eps outside of the corrected root.
 * Assigns the parameters and both moments; gradients stay the caller's.
 *
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function adamW(args: AdamWArguments): void {
  const { parameters, gradients, firstMoments, secondMoments, learningRate, beta1, beta2, eps, weightDecay, step } =
    args;
  checkStep("adamW", step);
  checkOptimizerLists("adamW", parameters, { gradients, firstMoments, secondMoments }, weightDecay);
  parameters.forEach((parameter, i) => {
    const [firstMoment, secondMoment] = [firstMoments[i]!, secondMoments[i]!];
    tidy(() => {
      const [next, first, second] = runForward(
        adamWOp,
        { parameter, gradient: gradients[i]!, firstMoment, secondMoment },
        {
          beta1,
          beta2,
          eps,
          decay: 1 - learningRate * weightDecay[i]!,
          stepSize: learningRate / (1 - beta1 ** step),
          correction: Math.sqrt(1 - beta2 ** step),
        },
      );
      parameter.assign(next!);
      firstMoment.assign(first!);
      secondMoment.assign(second!);
    });
  });
}
