/** Checked by the compiler only: where no arrow stands between two packages, what one asks for is what the other offers. */
import type { CheckpointDirectory, HostTensor as StoredTensor } from "@codex/checkpointing";
import type {
  createBatchSource,
  createEvaluationSource,
  HostBatch as DataBatch,
  InputFile,
  TokenEncoder,
} from "@codex/data";
import type { MetricValue as LoggedValue, MetricLog, RunManifest } from "@codex/logging";
import type { MetricRecord } from "@codex/metrics";
import type { hostTensors, LanguageModel, HostTensor as ModelTensor } from "@codex/models";
import type { ModelContext } from "@codex/models/registry";
import type { PipelineEvent, PipelineObserver } from "@codex/pipeline";
import type { EntryOf } from "@codex/registry";
import type { DeviceSelection } from "@codex/tensor";
import type { Tokenizer } from "@codex/tokenization";
import type { TokenizerTrainingContext } from "@codex/tokenization/registry";
import type {
  BatchSource,
  CheckpointStore,
  EvaluationSource,
  HostBatch,
  HostTensor,
  MetricSink,
  MetricValue,
  Optimizer,
  Schedule,
  TrainArguments,
  TrainableModel,
  TrainerState,
  TrainingCheckpoint,
  TrainingEvent,
  TrainingObserver,
} from "@codex/training";
import type { TrainerEntry } from "@codex/training/registry";
import { expectTypeOf } from "expect-type";

// models -> training
expectTypeOf<LanguageModel>().toExtend<TrainableModel>();
expectTypeOf<ReturnType<EntryOf<"models">["create"]>>().toExtend<TrainArguments["model"]>();
expectTypeOf<ModelTensor>().toExtend<HostTensor>();
expectTypeOf<Awaited<ReturnType<typeof hostTensors>>>().toExtend<TrainingCheckpoint["parameters"]>();

// data -> training
expectTypeOf<ReturnType<typeof createBatchSource>>().toExtend<BatchSource>();
expectTypeOf<ReturnType<typeof createEvaluationSource>>().toExtend<EvaluationSource>();
expectTypeOf<DataBatch>().toExtend<HostBatch>();

// tokenization -> data, and what a tokenizer's manifest takes of data
expectTypeOf<Tokenizer>().toExtend<TokenEncoder>();
expectTypeOf<InputFile[]>().toExtend<NonNullable<TokenizerTrainingContext["inputs"]>>();

// tokenization -> models: the ids of its special tokens
expectTypeOf<NonNullable<Tokenizer["specialTokens"]["eos"]>["id"]>().toExtend<
  NonNullable<ModelContext["eosTokenId"]>
>();

// checkpointing -> training, in both directions
type RunCheckpoints = CheckpointDirectory<TrainerState, { readonly lossNats: number }>;
expectTypeOf<RunCheckpoints>().toExtend<CheckpointStore>();
expectTypeOf<Awaited<ReturnType<RunCheckpoints["load"]>>>().toExtend<TrainingCheckpoint>();
expectTypeOf<StoredTensor>().toExtend<HostTensor>();
expectTypeOf<HostTensor>().toExtend<StoredTensor>();

// logging -> training; its records are those of metrics
expectTypeOf<MetricLog>().toExtend<MetricSink>();
expectTypeOf<MetricValue>().toExtend<LoggedValue>();
expectTypeOf<MetricRecord["split"]>().toEqualTypeOf<MetricValue["split"]>();

// data and tensor -> the run manifest of logging
expectTypeOf<InputFile[]>().toExtend<RunManifest["data"]>();
expectTypeOf<DeviceSelection["deterministic"]>().toEqualTypeOf<boolean>();

// What the registries create is what the loop takes.
expectTypeOf<ReturnType<EntryOf<"optimizers">["create"]>>().toExtend<Optimizer>();
expectTypeOf<ReturnType<EntryOf<"schedulers">["create"]>>().toExtend<Schedule>();
expectTypeOf<EntryOf<"trainers">>().toEqualTypeOf<TrainerEntry>();
expectTypeOf<ReturnType<TrainerEntry["create"]>>().toBeCallableWith({} as TrainArguments);

// An observer of a run sees the loop's events, too.
expectTypeOf<TrainingEvent>().toExtend<PipelineEvent>();
expectTypeOf<PipelineObserver>().toExtend<TrainingObserver>();
// @ts-expect-error: an observer of the loop alone does not know the stages around it
(observe: TrainingObserver): PipelineObserver => observe;
