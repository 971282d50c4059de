import type { Static, TObject } from "typebox";
import type { Optimizer, Schedule } from "./contracts.ts";
import { TrainingError } from "./errors.ts";
import { AdamWOptions, createAdamW } from "./optimizers/adamw.ts";
import { createSgd, SgdOptions } from "./optimizers/sgd.ts";
import type { TrainingOptions } from "./options.ts";
import {
  createConstantSchedule,
  createCosineSchedule,
  createLinearSchedule,
  type ScheduleContext,
  ScheduleOptions,
} from "./schedules.ts";

/**
 * The optimizer that ships under the name `options.optimizer`. The caller disposes it.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`
 */
export function createOptimizer(options: TrainingOptions): Optimizer {
  switch (options.optimizer) {
    case "adamw":
      return createAdamW({ ...pick(AdamWOptions, options), ...options.optimizerOptions });
    case "sgd":
      return createSgd({ ...pick(SgdOptions, options), ...options.optimizerOptions });
    default:
      throw unknownName("optimizer", options.optimizer, "adamw or sgd");
  }
}

/**
 * The schedule that ships under the name `options.schedule`.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`
 */
export function createSchedule(options: TrainingOptions, context: ScheduleContext): Schedule {
  const own = { ...pick(ScheduleOptions, options), ...options.scheduleOptions };
  switch (options.schedule) {
    case "constant":
      return createConstantSchedule(own);
    case "linear":
      return createLinearSchedule(own, context);
    case "cosine":
      return createCosineSchedule(own, context);
    default:
      throw unknownName("schedule", options.schedule, "constant, linear or cosine");
  }
}

/** The options of one part, out of those of the run. */
function pick<Schema extends TObject>(schema: Schema, options: TrainingOptions): Partial<Static<Schema>> {
  const keys = Object.keys(schema.properties);
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.includes(key))) as Partial<Static<Schema>>;
}

function unknownName(what: "optimizer" | "schedule", name: string, known: string): TrainingError {
  return new TrainingError("TRAINING_OPTIONS_INVALID", `${what}: expected ${known}, got "${name}"`, {
    help: `To use another one, make it and pass it to train() as ${what}.`,
  });
}
