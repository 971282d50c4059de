import type { CorpusOptions, createCorpus, SamplingOptions, TextSource, TextSourceOptions } from "@codex/data";
import { expectTypeOf } from "expect-type";

// A parsed configuration is accepted as it is.
expectTypeOf<CorpusOptions>().toExtend<NonNullable<Parameters<typeof createCorpus>[1]>>();
expectTypeOf<SamplingOptions["kind"]>().toEqualTypeOf<"packed" | "random-windows">();
expectTypeOf<TextSourceOptions["path"]>().toEqualTypeOf<string | string[]>();

// A plugin's data set must say what its documents depend on, or a cache of them could be wrong.
// @ts-expect-error settings is missing
const incomplete: TextSource = { documents: async function* () {}, inputs: async () => [] };
void incomplete;
