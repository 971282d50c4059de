/** What this package registers with `@codex/registry` (see the `codex` field of package.json), and the kinds themselves. */
import type { RegistryEntry } from "@codex/registry";
import { Type } from "typebox";
import type { Optimizer, Schedule } from "./contracts.ts";
import { AdamWOptions, createAdamW } from "./optimizers/adamw.ts";
import { createSgd, SgdOptions } from "./optimizers/sgd.ts";
import {
  createConstantSchedule,
  createCosineSchedule,
  createLinearSchedule,
  type ScheduleContext,
  ScheduleOptions,
} from "./schedules.ts";
import { type TrainArguments, type TrainingResult, train } from "./train.ts";

/** `options` have been checked against `configSchema`. The caller disposes the optimizer. */
export type OptimizerEntry = RegistryEntry<(options: never) => Optimizer>;
/** `options` have been checked against `configSchema`. */
export type SchedulerEntry = RegistryEntry<(options: never, context: ScheduleContext) => Schedule>;
/** A training loop with the contract of `train`. */
export type TrainerEntry = RegistryEntry<(options: never) => (args: TrainArguments) => Promise<TrainingResult>>;

declare module "@codex/registry" {
  interface RegistryKinds {
    optimizers: OptimizerEntry;
    schedulers: SchedulerEntry;
    trainers: TrainerEntry;
  }
}

export const adamw: OptimizerEntry = { configSchema: AdamWOptions, create: createAdamW };
export const sgd: OptimizerEntry = { configSchema: SgdOptions, create: createSgd };

export const constant: SchedulerEntry = { configSchema: ScheduleOptions, create: createConstantSchedule };
export const linear: SchedulerEntry = { configSchema: ScheduleOptions, create: createLinearSchedule };
export const cosine: SchedulerEntry = { configSchema: ScheduleOptions, create: createCosineSchedule };

/** The loop of this package, which takes its options from `TrainingOptions`. */
export const defaultTrainer: TrainerEntry = {
  configSchema: Type.Object({}, { additionalProperties: false }),
  create: () => train,
};
