/** Every way in which this package refuses; stable, so that callers can branch on it. */
export type TrainingErrorCode =
  | "TRAINING_OPTIONS_INVALID"
  | "TRAINING_MODEL_INVALID"
  | "TRAINING_PARAMETER_GROUP_UNMATCHED"
  | "TRAINING_DATA_EMPTY"
  | "TRAINING_BATCH_INVALID"
  | "TRAINING_NO_TARGETS"
  | "TRAINING_NO_GRADIENT"
  | "TRAINING_NOT_FINITE"
  | "TRAINING_RESUME_INVALID"
  | "TRAINING_RESUME_DRIFT"
  | "TRAINING_OPTIMIZER_STATE_INVALID";

/** What made a step not finite: the details of `TRAINING_NOT_FINITE`, as data. */
export interface NotFiniteDetails {
  /** Optimizer step that was not applied, from 1. */
  readonly step: number;
  /** Micro-batch within the step, from 1; `undefined` when only the sum over all of them is not finite. */
  readonly microStep: number | undefined;
  /** Samples of that micro-batch, or of the whole step. */
  readonly sampleIds: readonly number[];
  /** First parameter, in the model's order, whose gradient is not finite; `undefined` when none is. */
  readonly parameter: string | undefined;
}

/** The one error class of `@codex/training`. `message` says where, what was expected and what came; `help` what to do. */
export class TrainingError extends Error {
  override readonly name = "TrainingError";
  readonly code: TrainingErrorCode;
  readonly help: string | undefined;
  /** Set for `TRAINING_NOT_FINITE` in a training step. */
  readonly notFinite: NotFiniteDetails | undefined;

  constructor(
    code: TrainingErrorCode,
    message: string,
    options: ErrorOptions & { help?: string; notFinite?: NotFiniteDetails } = {},
  ) {
    super(message, options);
    this.code = code;
    this.help = options.help;
    this.notFinite = options.notFinite;
  }
}
