export type CheckpointErrorCode =
  /** A file is missing, cut, changed or unreadable, or the manifest is. The message names it. */
  | "CHECKPOINT_CORRUPT"
  /** There is no such checkpoint. */
  | "CHECKPOINT_NOT_FOUND"
  /** There are checkpoints, and none of them is whole. */
  | "CHECKPOINT_NONE_VALID"
  /** Written by a later version of this package. */
  | "CHECKPOINT_SCHEMA_UNSUPPORTED"
  /** Whole, but for other parameters than the ones expected. */
  | "CHECKPOINT_SHAPE_MISMATCH"
  /** This step is saved already. */
  | "CHECKPOINT_EXISTS"
  | "CHECKPOINT_DISK_FULL"
  /** What was given to save, or an option, contradicts itself. */
  | "CHECKPOINT_CONTENTS_INVALID";

export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly code: CheckpointErrorCode;
  readonly help: string | undefined;
  constructor(code: CheckpointErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
