import { type Static, Type } from "typebox";
import type { Parameter } from "../contracts.ts";
import { TrainingError } from "../errors.ts";

export const ParameterGroup = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      description: "Names of the parameters it holds for; * stands for any characters, as in model.layers.0.*",
    }),
    learningRateMultiplier: Type.Optional(
      Type.Number({ minimum: 0, description: "Factor on the learning rate of these parameters." }),
    ),
    weightDecay: Type.Optional(
      Type.Number({
        minimum: 0,
        description: "Weight decay of these parameters, of whatever rank, instead of the general one.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type ParameterGroup = Static<typeof ParameterGroup>;

/** The properties that every optimizer with decay shares, for its own options and for those of the whole run. */
export const ParameterGroupProperties = {
  weightDecay: Type.Number({
    minimum: 0,
    default: 0.1,
    description:
      "Weight decay per unit of learning rate; on matrices only (rank 2 and up), never on biases and norm weights.",
  }),
  parameterGroups: Type.Array(ParameterGroup, {
    default: [],
    description: "Exceptions by parameter name. The first pattern that fits a parameter holds for it.",
  }),
};

export interface GroupedOptions {
  readonly weightDecay: number;
  readonly parameterGroups: readonly ParameterGroup[];
}

/** The decay and the learning-rate factor of one parameter. */
export interface ParameterSettings {
  readonly weightDecay: number;
  readonly learningRateMultiplier: number;
}

export function parameterSettings(parameter: Parameter, options: GroupedOptions): ParameterSettings {
  const group = options.parameterGroups.find(({ pattern }) => matchesPattern(pattern, parameter.name));
  const general = parameter.variable.rank >= 2 ? options.weightDecay : 0;
  return {
    weightDecay: group?.weightDecay ?? general,
    learningRateMultiplier: group?.learningRateMultiplier ?? 1,
  };
}

/**
 * A pattern that fits nothing is a typing mistake which would otherwise train quietly with the general settings.
 * @throws {TrainingError} `TRAINING_PARAMETER_GROUP_UNMATCHED`
 */
export function assertGroupsMatch(groups: readonly ParameterGroup[], names: readonly string[]): void {
  for (const { pattern } of groups) {
    if (names.some((name) => matchesPattern(pattern, name))) continue;
    throw new TrainingError(
      "TRAINING_PARAMETER_GROUP_UNMATCHED",
      `parameterGroups: expected pattern "${pattern}" to fit a trainable parameter, none of ${names.length} does`,
      { help: `The names begin with: ${names.slice(0, 5).join(", ")}. * stands for any characters.` },
    );
  }
}

/** @param pattern - text in which `*` stands for any run of characters, dots included; everything else for itself */
export function matchesPattern(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  // The parts between the stars: taking the earliest place for each leaves the most room for the next.
  let from = first.length;
  for (const part of rest) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= name.length - last.length;
}
