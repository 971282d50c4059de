/** What a run tells about itself: a discriminated union on `type`. Events are frozen; what happens in them has happened. */

import type { NotFiniteDetails, TrainingErrorCode } from "./errors.ts";
import type { EvaluationResult } from "./evaluate.ts";

export type StopReason = "completed" | "earlyStopping" | "signal";

export interface StartEvent {
  readonly type: "start";
  /** Optimizer steps already done: 0, or the step that was resumed from. */
  readonly step: number;
  readonly maxSteps: number;
  readonly resumed: boolean;
  /** Numbers, not tensors. */
  readonly trainableParameters: number;
  readonly frozenParameters: number;
}

/** After every optimizer step. */
export interface StepEvent {
  readonly type: "step";
  /** Optimizer steps done, from 1. */
  readonly step: number;
  /** Epoch that the step's samples are of, from 0. */
  readonly epoch: number;
  readonly lossNats: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Positions of the step, targets or not. */
  readonly tokens: number;
  readonly targets: number;
  readonly sampleIds: readonly number[];
  readonly stepTimeMs: number;
}

/** Every `logEverySteps` steps, and at the last one: what a person wants to see. */
export interface ProgressEvent {
  readonly type: "progress";
  readonly step: number;
  readonly maxSteps: number;
  readonly epoch: number;
  readonly lossNats: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  /** Over the steps since the last report, without evaluation and saving. */
  readonly tokensPerSecond: number;
  /** `flopsPerToken * tokensPerSecond / peakFlops`, if both were given. */
  readonly shareOfPeak: number | undefined;
  /** Resident memory of the process. */
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
  /** At the pace of this process so far, everything included. */
  readonly timeLeftMs: number;
}

export interface EpochEvent {
  readonly type: "epoch";
  readonly step: number;
  /** The epoch that has ended, from 0. */
  readonly epoch: number;
}

export interface EvaluationEvent extends EvaluationResult {
  readonly type: "evaluation";
  readonly step: number;
  /** Whether this is the lowest held-out loss so far. */
  readonly best: boolean;
  readonly durationMs: number;
}

export interface SampleEvent {
  readonly type: "sample";
  readonly step: number;
  readonly text: string;
}

export interface CheckpointEvent {
  readonly type: "checkpoint";
  readonly step: number;
  readonly path: string;
  readonly durationMs: number;
}

export type WarningCode = "TRAINING_OBSERVER_FAILED" | "TRAINING_WARMUP_UNFINISHED" | "TRAINING_EVALUATION_MISSING";

export interface WarningEvent {
  readonly type: "warning";
  readonly step: number;
  readonly code: WarningCode;
  readonly message: string;
}

/** The last event of a run that ended well. */
export interface StopEvent {
  readonly type: "stop";
  readonly step: number;
  readonly reason: StopReason;
}

/** The last event of a run that failed; `train` then throws. */
export interface FailureEvent {
  readonly type: "failure";
  readonly step: number;
  /** Of the `TrainingError`; `undefined` for an error of somebody else. */
  readonly code: TrainingErrorCode | undefined;
  readonly message: string;
  /** Step, micro-step, samples and parameter of `TRAINING_NOT_FINITE`. */
  readonly notFinite: NotFiniteDetails | undefined;
}

export type TrainingEvent =
  | StartEvent
  | StepEvent
  | ProgressEvent
  | EpochEvent
  | EvaluationEvent
  | SampleEvent
  | CheckpointEvent
  | WarningEvent
  | StopEvent
  | FailureEvent;

/** Called in order with every event. What it throws, or rejects with, is reported once as a warning and changes nothing. */
export type TrainingObserver = (event: TrainingEvent) => void;
