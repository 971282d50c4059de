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
  | "LOGGING_ADDRESS_UNUSABLE" // a port in use, a host that is not this machine
  | "LOGGING_PACKAGE_MISSING" // what a tracker needs is not installed, or not set up
  | "LOGGING_REPLAY_UNSUITABLE" // a tracker that has a use only while a run goes on
  | "LOGGING_RUN_UNKNOWN"
  | "LOGGING_SESSION_ID_INVALID" // would not be a safe file name
  | "LOGGING_EVENT_INVALID" // a role or level that does not exist, or too long
  | "LOGGING_DEFERRED" // not accepted yet: the medium refuses; it is kept, and written when the medium takes it
  | "LOGGING_EVENT_LOST" // the medium refuses, and too much is waiting already
  | "LOGGING_CLOSED" // used after its end
  | "LOGGING_TIME_INVALID"
  | "LOGGING_QUERY_INVALID"
  | "LOGGING_SEARCH_INVALID" // not an FTS5 query
  | "LOGGING_DATABASE_FAILED" // locked for too long, full, or failing
  | "LOGGING_DATABASE_INVALID" // not a session database that this version can use
  | "LOGGING_TABLE_INVALID" // not the name of a table, or of one that the database does not have
  | "LOGGING_TRACKER_ADDRESS" // no place that a tracker can use, or one that it may not use
  | "LOGGING_TRACKER_UNREACHABLE"
  | "LOGGING_TRACKER_REFUSED"; // the server of a tracker says no

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
