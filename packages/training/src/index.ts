export { restoreCheckpoint, takeCheckpoint } from "./checkpoint.ts";
export type {
  BatchSource,
  CheckpointStore,
  EvaluationSource,
  HostBatch,
  HostTensor,
  LossContext,
  LossSum,
  MetricSink,
  MetricValue,
  Optimizer,
  OptimizerStep,
  Parameter,
  Schedule,
  TrainableModel,
  TrainingBatch,
  TrainingCheckpoint,
} from "./contracts.ts";
export { type NotFiniteDetails, TrainingError, type TrainingErrorCode } from "./errors.ts";
export { type EvaluationOptions, type EvaluationResult, evaluateLoss } from "./evaluate.ts";
export type {
  CheckpointEvent,
  EpochEvent,
  EvaluationEvent,
  FailureEvent,
  ProgressEvent,
  SampleEvent,
  StartEvent,
  StepEvent,
  StopEvent,
  StopReason,
  TrainingEvent,
  TrainingObserver,
  WarningCode,
  WarningEvent,
} from "./events.ts";

export { createOptimizer, createSchedule } from "./named-parts.ts";
export { AdamWOptions, createAdamW } from "./optimizers/adamw.ts";
export { ParameterGroup } from "./optimizers/parameter-groups.ts";
export { createSgd, SgdOptions } from "./optimizers/sgd.ts";
export {
  EarlyStoppingOptions,
  parseTrainingOptions,
  TrainingOptions,
  type TrainingOptionsInput,
} from "./options.ts";
export { countSteps } from "./position.ts";
export { formatProgress } from "./progress.ts";
export {
  createConstantSchedule,
  createCosineSchedule,
  createLinearSchedule,
  type ScheduleContext,
  ScheduleOptions,
} from "./schedules.ts";
export { installSignalHandlers, type ShutdownReason, type SignalHandlers } from "./signals.ts";
export { type TrainArguments, type TrainingResult, train } from "./train.ts";
export type { TrainerState } from "./trainer-state.ts";
