import { adamW } from "@codex/tensor";
import { type Static, Type } from "typebox";
import type { Optimizer, OptimizerStep } from "../contracts.ts";
import { parseOptions } from "../parse-options.ts";
import { LearningRateGroups } from "./learning-rate-groups.ts";
import { ParameterGroupProperties } from "./parameter-groups.ts";
import { StateVariables } from "./state-variables.ts";

export const AdamWOptions = Type.Object(
  {
    betas: Type.Tuple(
      [Type.Number({ minimum: 0, exclusiveMaximum: 1 }), Type.Number({ minimum: 0, exclusiveMaximum: 1 })],
      {
        default: [0.9, 0.95],
        description: "Decay rates per step of the running averages of the gradient and of its square.",
      },
    ),
    eps: Type.Number({
      exclusiveMinimum: 0,
      default: 1e-8,
      description: "Added to the root of the second moment, after bias correction.",
    }),
    ...ParameterGroupProperties,
  },
  { additionalProperties: false },
);
export type AdamWOptions = Static<typeof AdamWOptions>;

/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` computes it; decay on
 * matrices only, as nanoGPT's `configure_optimizers` sets it up. The caller disposes the optimizer.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`
 * @see https://arxiv.org/abs/1711.05101
 */
export function createAdamW(input: Partial<AdamWOptions> = {}): Optimizer {
  const options = parseOptions(AdamWOptions, input);
  const state = new StateVariables("adamw", ["exp_avg", "exp_avg_sq"]);
  const [beta1, beta2] = options.betas;
  const groups = new LearningRateGroups(options);
  return {
    name: "adamw",
    usesGradientScale: true,
    step(args: OptimizerStep): void {
      for (const { parameters, gradients, learningRate, weightDecay } of groups.of(args)) {
        adamW({
          parameters: parameters.map(({ variable }) => variable),
          gradients,
          ...(args.gradientScale && { gradientScale: args.gradientScale }),
          firstMoments: state.of(parameters, "exp_avg", args.step),
          secondMoments: state.of(parameters, "exp_avg_sq", args.step),
          learningRate,
          beta1,
          beta2,
          eps: options.eps,
          weightDecay,
          step: args.step,
        });
      }
    },
    state: () => state.all(),
    loadState: (tensors) => state.load(tensors),
    dispose: () => state.dispose(),
  };
}
