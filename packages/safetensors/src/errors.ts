export type SafetensorsErrorCode =
  /** The file breaks the format: its header, names, shapes or offsets. */
  | "SAFETENSORS_HEADER_INVALID"
  /** The file is shorter or longer than its header says. */
  | "SAFETENSORS_SIZE_MISMATCH"
  /** Well-formed, but larger than a limit that protects the reader. */
  | "SAFETENSORS_LIMIT_EXCEEDED"
  | "SAFETENSORS_TENSOR_MISSING"
  /** The stored dtype cannot be converted to what was asked for. */
  | "SAFETENSORS_DTYPE_UNSUPPORTED"
  /** `*.safetensors.index.json` does not fit the format or its shards. */
  | "SAFETENSORS_INDEX_INVALID"
  /** What was given to the writer contradicts itself. */
  | "SAFETENSORS_TENSOR_INVALID";

export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
  readonly code: SafetensorsErrorCode;
  readonly help: string | undefined;
  constructor(code: SafetensorsErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
