export type TensorErrorCode =
  /** A shape, or a dtype, does not fit the op's contract. */
  | "TENSOR_SHAPE_MISMATCH"
  /** A number outside its range: a dropout rate, a step, a maximum norm. */
  | "TENSOR_ARGUMENT_INVALID"
  /** The device that was asked for by name is not installed, or does not load. */
  | "TENSOR_DEVICE_ABSENT"
  /** A setting of the device, such as `CODEX_NUM_THREADS`, cannot be used. */
  | "TENSOR_DEVICE_SETTING_INVALID"
  /** The native engine implements another version of the op set. */
  | "TENSOR_OP_SET_MISMATCH"
  /** The device does not compute in the precision that was asked for. */
  | "TENSOR_PRECISION_ABSENT"
  /** The device has no memory left for a kernel. */
  | "TENSOR_OUT_OF_MEMORY"
  /** TensorFlow's libraries could not be set up. */
  | "TENSOR_SETUP_FAILED";

/** What this package throws: the message says where, what was expected and what came; `help` says what to do. */
export class TensorError extends Error {
  override readonly name = "TensorError";
  readonly code: TensorErrorCode;
  readonly help: string | undefined;

  constructor(code: TensorErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
