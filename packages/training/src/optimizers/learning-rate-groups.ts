import type { Tensor } from "@tensorflow/tfjs-core";
import type { OptimizerStep, Parameter } from "../contracts.ts";
import { type GroupedOptions, parameterSettings } from "./parameter-groups.ts";

/** The part of a step that runs at one learning rate. */
export interface LearningRateGroup {
  /** The same array in every step with the same parameters. */
  readonly parameters: readonly Parameter[];
  readonly gradients: readonly Tensor[];
  readonly weightDecay: readonly number[];
  readonly learningRate: number;
}

interface Plan {
  readonly multiplier: number;
  readonly parameters: Parameter[];
  readonly weightDecay: number[];
  /** Places among all parameters. */
  readonly places: number[];
}

/** Cuts the steps of an optimizer by learning rate. Which parameter belongs where is found out once per list of parameters. */
export class LearningRateGroups {
  readonly #options: GroupedOptions;
  readonly #plans = new WeakMap<readonly Parameter[], readonly Plan[]>();

  constructor(options: GroupedOptions) {
    this.#options = options;
  }

  /** One group per learning rate, which is one in all when no parameter has a multiplier: one fused call per step. */
  of({ parameters, gradients, learningRate }: OptimizerStep): LearningRateGroup[] {
    const plans = this.#plans.get(parameters) ?? plan(parameters, this.#options);
    this.#plans.set(parameters, plans);
    return plans.map(({ places, multiplier, ...group }) => ({
      ...group,
      gradients: plans.length === 1 ? gradients : places.map((place) => gradients[place]!),
      learningRate: learningRate * multiplier,
    }));
  }
}

function plan(parameters: readonly Parameter[], options: GroupedOptions): Plan[] {
  const plans = new Map<number, Plan>();
  parameters.forEach((parameter, place) => {
    const { learningRateMultiplier: multiplier, weightDecay } = parameterSettings(parameter, options);
    const group = plans.get(multiplier) ?? { multiplier, parameters: [], weightDecay: [], places: [] };
    plans.set(multiplier, group);
    group.parameters.push(parameter);
    group.weightDecay.push(weightDecay);
    group.places.push(place);
  });
  return [...plans.values()];
}
