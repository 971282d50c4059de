/** The trainers of the addon, as `crates/tokenizer-napi/src/trainer.rs` exports them. */
export interface TrainerBinding {
  readonly NativeWordCounter: new (preTokenizer: string, limitBytes: number, threads: number) => NativeWordCounter;
  readonly NativeMergeTrainer: new (training: NativeTraining) => NativeMergeTrainer;
}

export interface NativeWordCounter {
  /** Takes a text in UTF-8. @returns bytes of all that `run` has not counted yet */
  add(text: Uint8Array): number;
  /** @returns false if the memory is full: then `take` makes room, and `run` goes on */
  run(): boolean;
  /** The words that were counted so far, which are then forgotten; in ascending order of their bytes. */
  take(): { readonly bytes: Uint8Array; readonly starts: Uint32Array; readonly counts: Float64Array };
}

export interface NativeTraining {
  /** Words as ids; else `bytes` has them, and `byteIds` the id of each byte. */
  readonly symbols?: Uint32Array;
  readonly bytes?: Uint8Array;
  readonly byteIds?: Uint32Array;
  readonly starts: Uint32Array;
  readonly counts: Float64Array;
  readonly tokens: readonly string[];
  readonly vocabSize: number;
  readonly minFrequency: number;
  readonly reserved: readonly string[];
  readonly continuingPrefix: string;
}

export interface NativeMergeTrainer {
  /** Makes up to `steps` merges. `shared`: two pairs would make one name, which this trainer does not do. */
  run(steps: number): "going" | "done" | "shared";
  tokenCount(): number;
  /** Left and right id of each merge. Lets go of the memory: nothing else works afterwards. */
  finish(): Uint32Array;
}
