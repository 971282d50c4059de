/** A tensor off the device, row-major. Structurally the `HostTensor` of `@codex/training` and `@codex/models`. */
export interface HostTensor {
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** Values of an evaluation by name. Those that are not finite are not stored. */
export type Evaluation = Readonly<Record<string, number>>;

/** Everything a run needs to go on, as it stood after `step` optimizer steps. */
export interface CheckpointContents<TrainerState extends object = object, Values extends Evaluation = Evaluation> {
  readonly step: number;
  /** By Hugging Face name. Two names for the same array (tied weights) are stored once. */
  readonly parameters: ReadonlyMap<string, HostTensor>;
  /** By `<parameter>.<PyTorch's word>`, as in `lm_head.weight.exp_avg`. */
  readonly optimizer: ReadonlyMap<string, HostTensor>;
  /** Plain JSON, opaque here. */
  readonly trainer: TrainerState;
  /** Values of the evaluation made at this very step: what "best" goes by. */
  readonly evaluation?: Values;
}

export interface LoadedCheckpoint<TrainerState extends object = object, Values extends Evaluation = Evaluation>
  extends CheckpointContents<TrainerState, Values> {
  /** The directory it came from, which is a Hugging Face model directory too. */
  readonly path: string;
}
