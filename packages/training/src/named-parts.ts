import type { Optimizer, Schedule } from "./contracts.ts";
import { TrainingError } from "./errors.ts";
import { createAdamW } from "./optimizers/adamw.ts";
import { createSgd } from "./optimizers/sgd.ts";
import type { TrainingOptions } from "./options.ts";
import {
  createConstantSchedule,
  createCosineSchedule,
  createLinearSchedule,
  type ScheduleContext,
} from "./schedules.ts";

/**
 * The optimizer that ships under the name `options.optimizer`. The caller disposes it.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`
 */
export function createOptimizer(options: TrainingOptions): Optimizer {
  switch (options.optimizer) {
    case "adamw":
      return createAdamW(options);
    case "sgd":
      return createSgd(options);
    default:
      throw unknownName("optimizer", options.optimizer, "adamw or sgd");
  }
}

/**
 * The schedule that ships under the name `options.schedule`.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`
 */
export function createSchedule(options: TrainingOptions, context: ScheduleContext): Schedule {
  switch (options.schedule) {
    case "constant":
      return createConstantSchedule(options);
    case "linear":
      return createLinearSchedule(options, context);
    case "cosine":
      return createCosineSchedule(options, context);
    default:
      throw unknownName("schedule", options.schedule, "constant, linear or cosine");
  }
}

function unknownName(what: "optimizer" | "schedule", name: string, known: string): TrainingError {
  return new TrainingError("TRAINING_OPTIONS_INVALID", `${what}: expected ${known}, got "${name}"`, {
    help: `To use another one, make it and pass it to train() as ${what}.`,
  });
}
