/** @module From a configuration to a run, in code: whatever the `codex` command does. */

export { serveRuns as startMetricsServer } from "@codex/logging/prometheus";
export { type SetupTensorflowResult, setupTensorflow } from "@codex/tensor/setup-tensorflow";
export { formatProgress, installSignalHandlers, type ShutdownReason } from "@codex/training";
export type { BitsPerByte } from "./baselines.ts";
export { configurationDocs, configurationSchema } from "./configuration/describe.ts";
export { type Configuration, type LoadOptions, loadConfiguration } from "./configuration/load.ts";
export type { CodexConfig, NamedOptions } from "./configuration/schema.ts";
export { type DoctorReport, doctor } from "./doctor.ts";
export { PipelineError, type PipelineErrorCode } from "./errors.ts";
export { type EvaluateRequest, type EvaluateResult, evaluate } from "./evaluate.ts";
export type {
  NoticeEvent,
  PipelineEvent,
  PipelineObserver,
  RunEvent,
  StageEvent,
  TrackersEvent,
} from "./events.ts";
export { type GenerateRequest, type GenerateResult, generate } from "./generate.ts";
export { planTraining, type TrainingPlan } from "./plan.ts";
export {
  type CheckedPlugin,
  checkPlugins,
  type EntryExplanation,
  explainPlugin,
  type ListedEntry,
  listPlugins,
} from "./plugins.ts";
export { listRuns, type RunListing, showRun } from "./run-index.ts";
export { compareRuns, type RunComparison, type SeriesSummary } from "./run-tools/compare-runs.ts";
export {
  type ExportedRuns,
  type ExportRunsRequest,
  exportRuns,
  RUN_EXPORT_FORMATS,
  type RunExportFormat,
} from "./run-tools/export-run.ts";
export { type ReplayRequest, type ReplayResult, replayRun } from "./run-tools/replay-run.ts";
export { type RunStatus, runStatus } from "./run-tools/run-status.ts";
export { type RunCheck, validateRun } from "./run-tools/validate-run.ts";
export {
  type CountedWords,
  type CountWordsPlan,
  type CountWordsRequest,
  countTokenizerWords,
  planTokenizerCount,
} from "./tokenizer-counts.ts";
export {
  type ComparedTokenizer,
  type CompareTokenizersRequest,
  compareTokenizers,
} from "./tokenizer-tools/compare-tokenizers.ts";
export {
  type DecodeIdsRequest,
  decodeIds,
  type EncodedText,
  type EncodeTextRequest,
  encodeText,
} from "./tokenizer-tools/encode-text.ts";
export {
  type ExportedTokenizer,
  type ExportFormat,
  type ExportTokenizerRequest,
  exportTokenizer,
} from "./tokenizer-tools/export-tokenizer.ts";
export { inspectTokenizer, type TokenizerInspection } from "./tokenizer-tools/inspect-tokenizer.ts";
export type { TokenizerReference } from "./tokenizer-tools/open-tokenizer.ts";
export { planTokenizerTraining, type TokenizerTrainingPlan } from "./tokenizer-tools/plan-tokenizer.ts";
export type { TextInputOptions } from "./tokenizer-tools/text-input.ts";
export type { TokenizerFilesReport } from "./tokenizer-tools/tokenizer-files.ts";
export {
  type TokenizerStatistics,
  type TokenizerStatisticsRequest,
  tokenizerStatistics,
} from "./tokenizer-tools/tokenizer-statistics.ts";
export type { TrainTokenizerRequest } from "./tokenizer-tools/tokenizer-trainer.ts";
export { trainingProgressText } from "./tokenizer-tools/training-progress.ts";
export {
  type TokenizerCheck,
  type TokenizerValidation,
  type ValidateTokenizerRequest,
  validateTokenizer,
} from "./tokenizer-tools/validate-tokenizer.ts";
export { type TrainedTokenizerFiles, trainTokenizer } from "./tokenizers.ts";
export { type ResumeOptions, resume, type TrainHooks, type TrainOptions, type TrainOutcome, train } from "./train.ts";
