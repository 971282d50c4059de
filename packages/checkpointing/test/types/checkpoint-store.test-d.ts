/** A directory is what a trainer calls a store, with the trainer's own types, and with none. */
import { type CheckpointContents, type LoadedCheckpoint, openCheckpoints } from "@codex/checkpointing";
import { expectTypeOf } from "expect-type";

interface TrainerState {
  readonly step: number;
  readonly epoch: number;
}
interface Store {
  save(contents: {
    readonly step: number;
    readonly parameters: CheckpointContents["parameters"];
    readonly optimizer: CheckpointContents["optimizer"];
    readonly trainer: TrainerState;
    readonly evaluation?: { readonly lossNats: number };
  }): Promise<{ path: string }>;
}

expectTypeOf(openCheckpoints("d")).toExtend<Store>();
expectTypeOf(openCheckpoints<TrainerState, { lossNats: number }>("d")).toExtend<Store>();
expectTypeOf(openCheckpoints<TrainerState, { lossNats: number }>("d").load).returns.resolves.toExtend<
  Parameters<Store["save"]>[0]
>();
expectTypeOf<LoadedCheckpoint["evaluation"]>().toEqualTypeOf<Readonly<Record<string, number>> | undefined>();
