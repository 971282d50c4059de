import { add, mul, type Scalar, sub, type Tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { checkOptimizerLists, checkStep } from "./optimizer-checks.ts";
import { checkGradientScale, readGradientScale, runOptimizerKernel } from "./optimizer-kernel.ts";

export interface SgdArguments {
  readonly parameters: readonly Variable[];
  readonly gradients: readonly Tensor[];
  /** Zero before the first step; needed when momentum is not 0. */
  readonly momentumBuffers?: readonly Variable[];
  readonly learningRate: number;
  /** 0 for none. */
  readonly momentum: number;
  /** One per parameter; added to the gradient (not decoupled), as `torch.optim.SGD` does. */
  readonly weightDecay: readonly number[];
  readonly nesterov: boolean;
  /** Counts from 1. */
  readonly step: number;
  /** Every gradient is multiplied by it first. If it is NaN or infinite, the step changes nothing. */
  readonly gradientScale?: Scalar;
}

/**
 * One step of stochastic gradient descent, equal to `torch.optim.SGD` with dampening 0. Assigns the parameters and the momentum
 * buffers; gradients stay the caller's.
 *
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function sgd(args: SgdArguments): void {
  const { parameters, gradients, momentumBuffers, gradientScale } = args;
  const { learningRate, momentum, weightDecay, nesterov, step } = args;
  checkStep("sgd", step);
  if (momentum !== 0 && momentumBuffers === undefined) {
    throw new TensorError(
      "TENSOR_ARGUMENT_INVALID",
      `sgd: expected momentumBuffers with momentum ${momentum}, got none`,
    );
  }
  if (nesterov && momentum === 0) {
    throw new TensorError("TENSOR_ARGUMENT_INVALID", "sgd: expected a momentum above 0 with nesterov, got 0");
  }
  const buffers = momentum === 0 ? undefined : momentumBuffers!;
  checkOptimizerLists("sgd", parameters, buffers === undefined ? { gradients } : { gradients, buffers }, weightDecay);
  checkGradientScale("sgd", gradientScale);
  const ran = runOptimizerKernel({
    kernelName: "CodexSgd",
    inputs: { parameters, gradients, ...(buffers === undefined ? {} : { momentumBuffers: buffers }) },
    gradientScale,
    attributes: { learningRate, momentum, weightDecay, nesterov, step },
    updated: [...parameters, ...(buffers ?? [])],
  });
  if (ran) return;
  const scale = readGradientScale(gradientScale);
  if (scale === undefined) return;
  parameters.forEach((parameter, i) => {
    tidy(() => {
      const decay = weightDecay[i]!;
      const gradient = scale === 1 ? gradients[i]! : mul(gradients[i]!, scale);
      let direction = decay === 0 ? gradient : add(gradient, mul(parameter, decay));
      if (buffers !== undefined) {
        const velocity = add(mul(buffers[i]!, momentum), direction);
        buffers[i]!.assign(velocity);
        direction = nesterov ? add(direction, mul(velocity, momentum)) : velocity;
      }
      parameter.assign(sub(parameter, mul(direction, learningRate)));
    });
  });
}
