import type { Registries } from "@codex/registry";
import { countSteps, type Optimizer, type Schedule, type TrainArguments, type TrainingResult } from "@codex/training";
import { registeredOptions } from "./configuration/registered-options.ts";
import type { CodexConfig } from "./configuration/schema.ts";

export interface TrainingParts {
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** The loop itself. */
  readonly trainer: (args: TrainArguments) => Promise<TrainingResult>;
}

/** The optimizer, the learning-rate schedule and the loop that a configuration names. The caller disposes the optimizer. */
export async function createTrainingParts(
  { training }: CodexConfig,
  registries: Registries,
  samplesPerEpoch: number,
): Promise<TrainingParts> {
  const optimizer = await registries.of("optimizers").resolve(training.optimizer);
  const schedule = await registries.of("schedulers").resolve(training.schedule);
  const trainer = await registries.of("trainers").resolve(training.trainer);
  const scheduleOptions = registeredOptions({ ...training, ...training.scheduleOptions }, schedule.configSchema);
  const optimizerOptions = registeredOptions({ ...training, ...training.optimizerOptions }, optimizer.configSchema);
  return {
    trainer: trainer.create(training.trainerOptions as never),
    schedule: schedule.create(scheduleOptions as never, { maxSteps: countSteps(samplesPerEpoch, training) }),
    optimizer: optimizer.create(optimizerOptions as never), // last: nothing after it can fail and leave it
  };
}
