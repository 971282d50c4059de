export type DataErrorCode =
  | "DATA_FILE_NOT_FOUND" // a path or glob that matches nothing, or a file that cannot be opened
  | "DATA_UTF8_INVALID"
  | "DATA_BINARY_FILE" // a NUL byte, or UTF-16, where text was expected
  | "DATA_GZIP_INVALID" // cut off or damaged
  | "DATA_ROW_INVALID" // a JSONL or CSV row
  | "DATA_OPTIONS_INVALID"
  | "DATA_EMPTY" // no document is left
  | "DATA_SPLIT_EMPTY"
  | "DATA_TOO_SHORT" // fewer tokens than one row takes
  | "DATA_CHANGED" // the input is not what it was a moment ago, or not what it must be
  | "DATA_TOKEN_INVALID" // the encoder gave an id outside its vocabulary
  | "DATA_SHARD_INVALID" // a token shard that is truncated, damaged or of another version
  | "DATA_PACKAGE_ABSENT"; // a data set that reads another package, which is not installed

/** Bad input, with the file, line or byte in the message and the remedy in `help`. */
export class DataError extends Error {
  override readonly name = "DataError";
  readonly code: DataErrorCode;
  readonly help: string | undefined;

  constructor(code: DataErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
