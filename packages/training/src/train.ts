/**
 * The one training loop. It reads: finish what is due at this step (evaluation, sample, checkpoint), stop or not, take the
 * next step. A step is data, gradients, one check that they are finite, update; the state that a checkpoint needs changes
 * at the end of it, at once, so that there is no moment at which a save would count a step twice or half.
 */

import { usePrecision } from "@codex/tensor";
import { restoreCheckpoint } from "./checkpoint.ts";
import type {
  BatchSource,
  CheckpointStore,
  EvaluationSource,
  MetricSink,
  Optimizer,
  Schedule,
  TrainableModel,
  TrainingCheckpoint,
} from "./contracts.ts";
import { TrainingError } from "./errors.ts";
import type { EvaluationResult } from "./evaluate.ts";
import { EventEmitter } from "./event-emitter.ts";
import type { StopReason, TrainingObserver, WarningEvent } from "./events.ts";
import { createOptimizer, createSchedule } from "./named-parts.ts";
import { assertGroupsMatch } from "./optimizers/parameter-groups.ts";
import { parseTrainingOptions, type TrainingOptionsInput, trajectoryOptions } from "./options.ts";
import { countSteps } from "./position.ts";
import { createStepRunner, type StepRunner } from "./step-runner.ts";
import { assertTrainerState, findDrift, initialTrainerState, type TrainerState } from "./trainer-state.ts";
import { TrainingRun } from "./training-run.ts";

export interface TrainArguments {
  /** Stays the caller's, who disposes it. */
  readonly model: TrainableModel;
  readonly data: BatchSource;
  readonly options: TrainingOptionsInput;
  /** Whole number from 0: of it come the dropout masks. Data and initial weights take theirs from their own streams. */
  readonly seed: number;
  /** Made from `options` (and disposed) if not given. One that is given stays the caller's. */
  readonly optimizer?: Optimizer;
  /** Made from `options` if not given. */
  readonly schedule?: Schedule;
  readonly evaluation?: EvaluationSource;
  /** Without a store nothing is saved. */
  readonly checkpoints?: CheckpointStore;
  readonly metrics?: MetricSink;
  /** Writes a text with the model as it is now, for `sampleEverySteps`. */
  readonly sample?: (step: number) => Promise<string> | string;
  readonly onEvent?: TrainingObserver | readonly TrainingObserver[];
  /** An abort ends the current optimizer step, saves once and resolves. */
  readonly signal?: AbortSignal;
  readonly resumeFrom?: TrainingCheckpoint;
  /** Go on although seed, data or options differ from those of `resumeFrom`. */
  readonly allowDrift?: boolean;
  /** Floating-point operations of a training step per token (about 6 per parameter), for the share of the peak. */
  readonly flopsPerToken?: number;
  /** Measured peak of the processor, floating-point operations per second. */
  readonly peakFlops?: number;
}

export interface TrainingResult {
  readonly stopReason: StopReason;
  /** What the signal was aborted with, if that is why the run stopped. */
  readonly signalReason: unknown;
  /** Optimizer steps done, those before a resume included. */
  readonly step: number;
  readonly tokensSeen: number;
  /** Loss of the last step of this call, nats per target; `undefined` if it took none. */
  readonly lossNats: number | undefined;
  /** Last evaluation of this call. */
  readonly evaluation: EvaluationResult | undefined;
  readonly bestEvaluation: TrainerState["bestEvaluation"];
  /** Last checkpoint that this call saved. */
  readonly checkpoint: { readonly step: number; readonly path: string } | undefined;
  readonly trainer: TrainerState;
  readonly warnings: readonly WarningEvent[];
}

/**
 * Trains the model in place until `maxSteps`, `epochs`, early stopping or an abort. With `resumeFrom` the result is, byte
 * for byte, that of a run which was never interrupted, on a device that repeats its own sums.
 *
 * @throws {TrainingError} with the codes of its message; `TRAINING_NOT_FINITE` before the bad step is applied. What a model,
 * data source, metric sink, checkpoint store or `sample` throws goes through unchanged. Model and optimizer then stand at
 * the last step that was done.
 */
export async function train(args: TrainArguments): Promise<TrainingResult> {
  const options = parseTrainingOptions(args.options);
  const { samplesPerEpoch } = args.data;
  if (!(Number.isSafeInteger(samplesPerEpoch) && samplesPerEpoch > 0)) {
    throw new TrainingError(
      "TRAINING_DATA_EMPTY",
      `training data: expected at least one sample, got ${samplesPerEpoch}`,
      {
        help: "The corpus is empty, or shorter than one row.",
      },
    );
  }
  if (!(Number.isSafeInteger(args.seed) && args.seed >= 0)) {
    throw new TrainingError("TRAINING_OPTIONS_INVALID", `seed: expected a whole number from 0, got ${args.seed}`);
  }
  const trainable = trainableParameters(args.model);
  assertGroupsMatch(
    options.parameterGroups,
    trainable.map(({ name }) => name),
  );

  const maxSteps = countSteps(samplesPerEpoch, options);
  const schedule = args.schedule ?? createSchedule(options, { maxSteps });
  const optimizer = args.optimizer ?? createOptimizer(options);
  const events = new EventEmitter(args.onEvent);
  const fresh = initialTrainerState({
    seed: args.seed,
    samplesPerEpoch,
    optimizer: optimizer.name,
    options: trajectoryOptions(options),
  });
  let run: TrainingRun | undefined;
  let runner: StepRunner | undefined;
  try {
    using _precision = usePrecision(options.precision);
    runner = createStepRunner(options.recordSteps);
    const state = args.resumeFrom ? resume(args.resumeFrom, fresh, args, optimizer) : fresh;
    run = new TrainingRun({ ...args, options, maxSteps, schedule, optimizer, trainable, runner, events }, state);
    return await run.toTheEnd();
  } catch (error) {
    events.emit({
      type: "failure",
      step: run?.state.step ?? fresh.step,
      code: error instanceof TrainingError ? error.code : undefined,
      message: error instanceof Error ? error.message : String(error),
      notFinite: error instanceof TrainingError ? error.notFinite : undefined,
    });
    throw error;
  } finally {
    runner?.dispose();
    if (args.optimizer === undefined) optimizer.dispose();
  }
}

function trainableParameters(model: TrainableModel) {
  const parameters = [...model.parameters().values()];
  const trainable = parameters.filter((parameter) => parameter.trainable);
  if (trainable.length === 0) {
    throw new TrainingError(
      "TRAINING_MODEL_INVALID",
      `model: expected trainable parameters, ${parameters.length} are frozen`,
      {
        help: "Set trainable to true on the parameters that are to learn.",
      },
    );
  }
  return trainable;
}

function resume(
  checkpoint: TrainingCheckpoint,
  fresh: TrainerState,
  args: TrainArguments,
  optimizer: Optimizer,
): TrainerState {
  assertTrainerState(checkpoint.trainer, checkpoint.step);
  const drift = findDrift(checkpoint.trainer, fresh);
  if (drift.length > 0 && !args.allowDrift) {
    const differences = drift.map(
      ({ key, saved, now }) => `${key}: saved ${JSON.stringify(saved)}, now ${JSON.stringify(now)}`,
    );
    throw new TrainingError(
      "TRAINING_RESUME_DRIFT",
      `checkpoint at step ${checkpoint.step}: expected the run that saved it, found ${differences.join("; ")}`,
      { help: "Resume with the saved settings, or allow drift if the change is meant." },
    );
  }
  restoreCheckpoint(checkpoint, args.model, optimizer);
  // What is allowed to differ is what holds from here on.
  const { seed, samplesPerEpoch, optimizer: name, options } = fresh;
  const position =
    checkpoint.trainer.sampleInEpoch < samplesPerEpoch ? {} : { epoch: checkpoint.trainer.epoch + 1, sampleInEpoch: 0 };
  return { ...checkpoint.trainer, ...position, seed, samplesPerEpoch, optimizer: name, options };
}
