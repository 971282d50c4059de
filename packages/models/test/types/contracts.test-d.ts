/** Checked by the compiler only: what the other packages ask for is what a model offers. */
import type { GenerateOptions, generateStream, HostTensor, LanguageModel } from "@codex/models";
import type { ModelEntry } from "@codex/models/registry";
import type { EntryOf } from "@codex/registry";
import type { TrainableModel, HostTensor as TrainingHostTensor } from "@codex/training";
import { expectTypeOf } from "expect-type";

expectTypeOf<LanguageModel>().toExtend<TrainableModel>();
expectTypeOf<HostTensor>().toExtend<TrainingHostTensor>();
expectTypeOf<EntryOf<"models">>().toEqualTypeOf<ModelEntry>();
expectTypeOf<ReturnType<typeof generateStream>>().toExtend<AsyncIterable<number>>();
// @ts-expect-error: the option is topK
({ top_k: 3 }) satisfies GenerateOptions;
