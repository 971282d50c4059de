export type EngineErrorCode =
  /** There is no native library for this platform, or it does not load. */
  | "ENGINE_BINARY_ABSENT"
  /** The native library is of another version than this package. */
  | "ENGINE_BINARY_MISMATCH"
  /** `CODEX_NUM_THREADS`, `CODEX_ENGINE_MEMORY_LIMIT` or `CODEX_ENGINE_ISA` cannot be used. */
  | "ENGINE_SETTING_INVALID"
  /** Operands of an operation do not fit each other: a shape, a dtype, an index out of range. */
  | "ENGINE_OPERATION_INVALID"
  /** The memory limit, or the system's, is reached. */
  | "ENGINE_OUT_OF_MEMORY"
  /** A kernel failed in a way that was not foreseen. Nothing runs on this engine any more. */
  | "ENGINE_POISONED";

/** What this package throws: the message says where, what was expected and what came; `help` says what to do. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  readonly help: string | undefined;

  constructor(code: EngineErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}

const HELP: Partial<Record<EngineErrorCode, string>> = {
  ENGINE_OUT_OF_MEMORY:
    "Use a smaller batch or a shorter sequence, dispose tensors that are not needed, or raise CODEX_ENGINE_MEMORY_LIMIT.",
  ENGINE_POISONED: "Please report this with the message. Start the process again to go on.",
};

/** The native side throws `CODE: message`. */
export function fromNative(error: unknown): unknown {
  const match = error instanceof Error ? /^(ENGINE_[A-Z_]+): (.*)$/s.exec(error.message) : null;
  if (match === null) return error;
  const code = match[1] as EngineErrorCode;
  const help = HELP[code];
  return new EngineError(code, match[2]!, { cause: error, ...(help === undefined ? {} : { help }) });
}
