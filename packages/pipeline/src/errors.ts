/** What can go wrong between the packages; what goes wrong inside one carries that package's own code. */
export type PipelineErrorCode =
  | "PIPELINE_CONFIG_INVALID" // keys that are right one by one do not go together
  | "PIPELINE_DRIFT" // configuration or data differ from those of the checkpoint
  | "PIPELINE_EXPORT_EMPTY" // no number of a run is left to write
  | "PIPELINE_FILE_INVALID"
  | "PIPELINE_FILE_NOT_FOUND"
  | "PIPELINE_NOTHING_TO_RESUME"
  | "PIPELINE_PLUGIN_FAILED" // code of a plugin threw; `cause` is what it threw
  | "PIPELINE_PROFILE_UNSUPPORTED" // the device keeps no record of its kernels
  | "PIPELINE_RUN_NOT_FOUND"
  | "PIPELINE_TRACKER_OFF"; // a tracker that cannot be made: a package that is missing, options that make no sense

/** An error of the pipeline: branch on `code`, show `message` and `help` to a person. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  readonly code: PipelineErrorCode;
  /** What to do about it. */
  readonly help: string | undefined;

  constructor(code: PipelineErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
