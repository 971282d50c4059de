import { createBatchSource } from "@codex/data";
import { selectDevice } from "@codex/tensor";
import { countSteps } from "@codex/training";
import type { Configuration } from "./configuration/load.ts";
import { openCorpus, tokenize } from "./prepare-data.ts";
import { prepareModel } from "./prepare-model.ts";
import { prepareTokenizer } from "./prepare-tokenizer.ts";

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
export async function planTraining(configuration: Configuration): Promise<TrainingPlan> {
  const { value: config, registries, directory } = configuration;
  const device = await selectDevice(config.device, { projectDirectory: directory });
  const corpus = await openCorpus(config, registries, directory);
  const tokenizer = await prepareTokenizer(config, registries, corpus);
  const tokens = await tokenize(config, corpus, tokenizer, { directory });
  try {
    const { sequenceLength, sampling } = config.data;
    const batches = createBatchSource(tokens.splits.train, { sequenceLength, seed: config.seed, sampling });
    const model = await prepareModel(config, registries, tokenizer);
    const parameters = [...model.parameters().values()].reduce((sum, { variable }) => sum + variable.size, 0);
    model.dispose();
    const plan = {
      device: device.device,
      trainTokens: tokens.splits.train.length,
      validationTokens: tokens.splits.validation.length,
      vocabSize: tokenizer.vocabSize,
      parameters,
      steps: countSteps(batches.samplesPerEpoch, config.training),
      tokensPerStep: config.training.batchSize * config.training.gradientAccumulationSteps * sequenceLength,
    };
    const count = (value: number): string => value.toLocaleString("en");
    return {
      ...plan,
      lines: [
        `device      ${device.device} ${device.version}: ${device.reason}`,
        `data        ${config.data.name}: ${count(plan.trainTokens)} tokens to train on, ${count(plan.validationTokens)} held out`,
        `tokenizer   ${config.tokenizer.name}, ${count(plan.vocabSize)} ids`,
        `model       ${config.model.name}, ${count(parameters)} parameters`,
        `training    ${count(plan.steps)} steps of ${count(plan.tokensPerStep)} tokens: ${((plan.steps * plan.tokensPerStep) / plan.trainTokens).toFixed(2)} passes over the data`,
        "nothing was trained (--dry-run)",
      ],
    };
  } finally {
    tokens.close();
  }
}
