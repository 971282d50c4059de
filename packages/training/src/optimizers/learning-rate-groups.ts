import type { Tensor } from "@tensorflow/tfjs-core";
import type { OptimizerStep, Parameter } from "../contracts.ts";
import { type GroupedOptions, parameterSettings } from "./parameter-groups.ts";

/** The part of a step that runs at one learning rate. */
export interface LearningRateGroup {
  readonly parameters: Parameter[];
  readonly gradients: Tensor[];
  readonly weightDecay: number[];
  readonly learningRate: number;
}

/** Calls `update` once per learning rate, which is once in all when no group has a multiplier: one fused call per step. */
export function stepByMultiplier(
  args: OptimizerStep,
  options: GroupedOptions,
  update: (group: LearningRateGroup) => void,
): void {
  const groups = new Map<number, LearningRateGroup>();
  args.parameters.forEach((parameter, index) => {
    const { learningRateMultiplier, weightDecay } = parameterSettings(parameter, options);
    const group: LearningRateGroup = groups.get(learningRateMultiplier) ?? {
      parameters: [],
      gradients: [],
      weightDecay: [],
      learningRate: args.learningRate * learningRateMultiplier,
    };
    groups.set(learningRateMultiplier, group);
    group.parameters.push(parameter);
    group.gradients.push(args.gradients[index]!);
    group.weightDecay.push(weightDecay);
  });
  for (const group of groups.values()) update(group);
}
