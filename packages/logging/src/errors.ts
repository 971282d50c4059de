/** Closed list. Failures of the disk are `StorageError`s of `@codex/storage` and pass unchanged. */
export type LoggingErrorCode =
  | "LOGGING_RUN_ID_INVALID" // would not be a safe directory name
  | "LOGGING_RUN_EXISTS"
  | "LOGGING_MANIFEST_INVALID" // missing, not JSON, or not a manifest
  | "LOGGING_SCHEMA_UNKNOWN" // written by a newer version of this package
  | "LOGGING_RECORD_INVALID" // a metric that the record format cannot hold
  | "LOGGING_FILE_FOREIGN" // the file is there and is something else
  | "LOGGING_SQLITE_UNSUITABLE" // not built for this machine, or a version with a known defect
  | "LOGGING_INDEX_INVALID" // a database that this version cannot use
  | "LOGGING_RUN_UNKNOWN";

export class LoggingError extends Error {
  override readonly name = "LoggingError";
  readonly code: LoggingErrorCode;
  /** What to do about it. */
  readonly help: string | undefined;

  constructor(code: LoggingErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
