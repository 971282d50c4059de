import { countSteps } from "@codex/training";
import type { Configuration } from "./configuration/load.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import { blamePlugins, usedNames } from "./plugin-failure.ts";
import { type PreparedRun, prepareRun } from "./prepare-run.ts";

export interface TrainingPlan {
  readonly device: string;
  readonly trainTokens: number;
  readonly validationTokens: number;
  readonly vocabSize: number;
  readonly parameters: number;
  readonly steps: number;
  readonly tokensPerStep: number;
  /** The same for a person. */
  readonly lines: readonly string[];
}

/**
 * Does everything that training does before its first step, and says what would follow. Writes no run directory; the tokens stay in the cache.
 * @throws whatever training would throw for the same configuration before its first step
 */
export async function planTraining(
  configuration: Configuration,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<TrainingPlan> {
  const { value: config } = configuration;
  try {
    using prepared = await prepareRun(configuration, { signal, onEvent: () => {} });
    return planOf(config, prepared);
  } catch (error) {
    throw blamePlugins(error, configuration.registries, usedNames(config));
  }
}

function planOf(config: CodexConfig, { device, tokens, tokenizer, model, batches }: PreparedRun): TrainingPlan {
  const parameters = [...model.parameters().values()].reduce((sum, { variable }) => sum + variable.size, 0);
  const plan = {
    device: device.device,
    trainTokens: tokens.splits.train.length,
    validationTokens: tokens.splits.validation.length,
    vocabSize: tokenizer.vocabSize,
    parameters,
    steps: countSteps(batches.samplesPerEpoch, config.training),
    tokensPerStep: config.training.batchSize * config.training.gradientAccumulationSteps * config.data.sequenceLength,
  };
  const count = (value: number): string => value.toLocaleString("en");
  const passes = ((plan.steps * plan.tokensPerStep) / plan.trainTokens).toFixed(2);
  return {
    ...plan,
    lines: [
      `device      ${device.device} ${device.version}: ${device.reason}`,
      `data        ${config.data.name}: ${count(plan.trainTokens)} tokens to train on, ${count(plan.validationTokens)} held out`,
      `tokenizer   ${config.tokenizer.name}, ${count(plan.vocabSize)} ids`,
      `model       ${config.model.name}, ${count(parameters)} parameters`,
      `training    ${count(plan.steps)} steps of ${count(plan.tokensPerStep)} tokens: ${passes} passes over the data`,
      "nothing was trained (--dry-run)",
    ],
  };
}
