/** What went wrong, for programs. The message says it to people. */
export type MetricsErrorCode =
  | "METRICS_EMPTY" // nothing was counted: there is no value, and none is made up
  | "METRICS_INPUT_MISSING" // a batch lacks what a metric needs
  | "METRICS_LENGTH_MISMATCH"
  | "METRICS_VALUE_INVALID" // a loss that is not a number, a count that is not one
  | "METRICS_NOT_FINITE" // the result leaves the range of numbers
  | "METRICS_ROW_INVALID"
  | "METRICS_RECORD_INVALID"
  | "METRICS_SCHEMA_NEWER"; // written by a later version

/** The one error class of this package: branch on `code`, show `message`, then `help`. */
export class MetricsError extends Error {
  override readonly name = "MetricsError";
  readonly code: MetricsErrorCode;
  /** What to do about it. */
  readonly help: string | undefined;

  constructor(code: MetricsErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
