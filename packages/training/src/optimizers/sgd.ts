import { sgd } from "@codex/tensor";
import { type Static, Type } from "typebox";
import type { Optimizer, OptimizerStep } from "../contracts.ts";
import { TrainingError } from "../errors.ts";
import { parseOptions } from "../parse-options.ts";
import { LearningRateGroups } from "./learning-rate-groups.ts";
import { ParameterGroupProperties } from "./parameter-groups.ts";
import { StateVariables } from "./state-variables.ts";

export const SgdOptions = Type.Object(
  {
    momentum: Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0,
      description: "Share of the last update that is kept; 0 keeps no state.",
    }),
    nesterov: Type.Boolean({ default: false, description: "Nesterov momentum; needs momentum above 0." }),
    ...ParameterGroupProperties,
  },
  { additionalProperties: false },
);
export type SgdOptions = Static<typeof SgdOptions>;

/**
 * Stochastic gradient descent as `torch.optim.SGD` computes it, without dampening: weight decay is added to the gradient
 * (it is not decoupled), on matrices only. The caller disposes the optimizer.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`, also for Nesterov without momentum
 */
export function createSgd(input: Partial<SgdOptions> = {}): Optimizer {
  const options = parseOptions(SgdOptions, input);
  const { momentum, nesterov } = options;
  if (nesterov && momentum === 0) {
    throw new TrainingError("TRAINING_OPTIONS_INVALID", "nesterov: expected momentum above 0, got 0", {
      help: "Set momentum, 0.9 for example, or turn nesterov off.",
    });
  }
  const state = new StateVariables("sgd", momentum > 0 ? ["momentum_buffer"] : []);
  const groups = new LearningRateGroups(options);
  return {
    name: "sgd",
    usesGradientScale: true,
    step(args: OptimizerStep): void {
      for (const { parameters, gradients, learningRate, weightDecay } of groups.of(args)) {
        sgd({
          parameters: parameters.map(({ variable }) => variable),
          gradients,
          ...(args.gradientScale && { gradientScale: args.gradientScale }),
          ...(momentum > 0 ? { momentumBuffers: state.of(parameters, "momentum_buffer", args.step) } : {}),
          learningRate,
          momentum,
          weightDecay,
          nesterov,
          step: args.step,
        });
      }
    },
    state: () => state.all(),
    loadState: (tensors) => state.load(tensors),
    dispose: () => state.dispose(),
  };
}
