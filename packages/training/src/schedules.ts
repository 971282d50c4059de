/**
 * Learning-rate schedules as pure functions of the 0-based optimizer step.
 *
 * Warm-up is nanoGPT's `learningRate * (step + 1) / (warmupSteps + 1)`, which is PyTorch's
 * `LinearLR(start_factor=1 / (warmupSteps + 1), total_iters=warmupSteps)`. Hugging Face's `step / warmupSteps` differs: it
 * spends the first step at a rate of zero. After warm-up, `cosine` is nanoGPT's `get_lr`, PyTorch's `CosineAnnealingLR` and
 * Hugging Face's `get_cosine_with_min_lr_schedule_with_warmup`; `linear` is Hugging Face's
 * `get_linear_schedule_with_warmup`, ending at `minLearningRate` instead of zero. From `maxSteps` on both stay at the end.
 */
import { type Static, Type } from "typebox";
import type { Schedule } from "./contracts.ts";
import { TrainingError } from "./errors.ts";
import { parseOptions } from "./parse-options.ts";

export const ScheduleOptions = Type.Object(
  {
    learningRate: Type.Number({
      exclusiveMinimum: 0,
      default: 3e-4,
      description: "Peak learning rate, reached after warm-up.",
    }),
    minLearningRate: Type.Number({
      minimum: 0,
      default: 0,
      description: "Learning rate at the end of a linear or cosine schedule.",
    }),
    warmupSteps: Type.Integer({
      minimum: 0,
      default: 0,
      description: "Optimizer steps of linear warm-up; step s of them runs at (s + 1) / (warmupSteps + 1) of the peak.",
    }),
  },
  { additionalProperties: false },
);
export type ScheduleOptions = Static<typeof ScheduleOptions>;

/** What a schedule needs to know of the run: how many optimizer steps it has. */
export interface ScheduleContext {
  readonly maxSteps: number;
}

/** Warm-up, then the peak rate for ever. */
export function createConstantSchedule(input: Partial<ScheduleOptions>): Schedule {
  const options = parseOptions(ScheduleOptions, input);
  return withWarmup(options, () => options.learningRate);
}

/** Warm-up, then a straight line to `minLearningRate` at `maxSteps`. */
export function createLinearSchedule(input: Partial<ScheduleOptions>, context: ScheduleContext): Schedule {
  return withDecay(parseOptions(ScheduleOptions, input), context, (progress) => 1 - progress);
}

/** Warm-up, then half a cosine wave to `minLearningRate` at `maxSteps`. */
export function createCosineSchedule(input: Partial<ScheduleOptions>, context: ScheduleContext): Schedule {
  return withDecay(
    parseOptions(ScheduleOptions, input),
    context,
    (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)),
  );
}

function withWarmup(options: ScheduleOptions, afterWarmup: Schedule): Schedule {
  const { learningRate, warmupSteps } = options;
  return (step) => (step < warmupSteps ? (learningRate * (step + 1)) / (warmupSteps + 1) : afterWarmup(step));
}

/** @param shape - from 1 at the end of warm-up (progress 0) to 0 at `maxSteps` (progress 1) */
function withDecay(
  options: ScheduleOptions,
  { maxSteps }: ScheduleContext,
  shape: (progress: number) => number,
): Schedule {
  const { learningRate, minLearningRate, warmupSteps } = options;
  if (minLearningRate > learningRate) {
    throw new TrainingError(
      "TRAINING_OPTIONS_INVALID",
      `minLearningRate: expected at most learningRate ${learningRate}, got ${minLearningRate}`,
      { help: "Lower minLearningRate; a common choice is a tenth of learningRate." },
    );
  }
  return withWarmup(options, (step) => {
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, maxSteps - warmupSteps));
    return minLearningRate + shape(progress) * (learningRate - minLearningRate);
  });
}
