import { add, mul, sub, type Tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { checkOptimizerLists, checkStep } from "./optimizer-checks.ts";

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
}

/**
 * One step of stochastic gradient descent, equal to `torch.optim.SGD` with dampening 0. Assigns the parameters and the momentum
 * buffers; gradients stay the caller's.
 *
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function sgd(args: SgdArguments): void {
  const { parameters, gradients, momentumBuffers, learningRate, momentum, weightDecay, nesterov, step } = args;
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
  const buffers = momentumBuffers ?? [];
  checkOptimizerLists("sgd", parameters, momentum === 0 ? { gradients } : { gradients, buffers }, weightDecay);
  parameters.forEach((parameter, i) => {
    tidy(() => {
      const decay = weightDecay[i]!;
      let direction = decay === 0 ? gradients[i]! : add(gradients[i]!, mul(parameter, decay));
      if (momentum !== 0) {
        const velocity = add(mul(buffers[i]!, momentum), direction);
        buffers[i]!.assign(velocity);
        direction = nesterov ? add(direction, mul(velocity, momentum)) : velocity;
      }
      parameter.assign(sub(parameter, mul(direction, learningRate)));
    });
  });
}
