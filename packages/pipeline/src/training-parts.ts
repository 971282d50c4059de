import type { Registries } from "@codex/registry";
import { countSteps, type Optimizer, type Schedule } from "@codex/training";
import { registeredOptions } from "./configuration/registered-options.ts";
import type { CodexConfig } from "./configuration/schema.ts";

/** The optimizer and the learning-rate schedule that a configuration names. The caller disposes the optimizer. */
export async function createTrainingParts(
  { training }: CodexConfig,
  registries: Registries,
  samplesPerEpoch: number,
): Promise<{ optimizer: Optimizer; schedule: Schedule }> {
  const optimizer = await registries.of("optimizers").resolve(training.optimizer);
  const schedule = await registries.of("schedulers").resolve(training.schedule);
  return {
    optimizer: optimizer.create(registeredOptions({ ...training, ...training.optimizerOptions }, optimizer.configSchema) as never),
    schedule: schedule.create(registeredOptions({ ...training, ...training.scheduleOptions }, schedule.configSchema) as never, { maxSteps: countSteps(samplesPerEpoch, training) }),
  };
}
