/** Checked by the compiler only: what a caller may write, and what the events narrow to. */
import type {
  BatchSource,
  EvaluationSource,
  HostBatch,
  TrainArguments,
  TrainingEvent,
  TrainingOptions,
  TrainingOptionsInput,
} from "@codex/training";
import { expectTypeOf } from "expect-type";

// One word is enough to start with; a misspelt one is not an option.
expectTypeOf<{ maxSteps: number }>().toExtend<TrainingOptionsInput>();
expectTypeOf<TrainingOptions["betas"]>().toEqualTypeOf<[number, number]>();
expectTypeOf<TrainingOptions["maxSteps"]>().toEqualTypeOf<number | undefined>();
// @ts-expect-error: the option is learningRate
({ maxSteps: 1, lr: 1 }) satisfies TrainingOptionsInput;

// Sources may be synchronous or not.
expectTypeOf<{ samplesPerEpoch: number; batch(): HostBatch }>().toExtend<BatchSource>();
expectTypeOf<{ samplesPerEpoch: number; batch(epoch: number): Promise<HostBatch> }>().toExtend<BatchSource>();
expectTypeOf<{ batches(rows: number): AsyncGenerator<HostBatch> }>().toExtend<EvaluationSource>();

expectTypeOf<Extract<TrainingEvent, { type: "sample" }>["text"]>().toEqualTypeOf<string>();
expectTypeOf<TrainingEvent["type"]>().toEqualTypeOf<
  "start" | "step" | "progress" | "epoch" | "evaluation" | "sample" | "checkpoint" | "warning" | "stop" | "failure"
>();
expectTypeOf<NonNullable<TrainArguments["sample"]>>().returns.toEqualTypeOf<string | Promise<string>>();
