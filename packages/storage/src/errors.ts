/** Closed list; the numbers of the operating system are in `cause`. */
export type StorageErrorCode =
  /** No space, the quota is used up, or a file may not grow further (ENOSPC, EDQUOT, EFBIG). */
  | "STORAGE_DISK_FULL"
  /** Another process holds the directory. `owner` of the error says which. */
  | "STORAGE_LOCKED"
  | "STORAGE_NOT_FOUND"
  /** The target of a commit is already there. */
  | "STORAGE_EXISTS"
  /** The account may not do that (EACCES, EPERM, EROFS). */
  | "STORAGE_PERMISSION_DENIED"
  /** Any other failure of the operating system: EIO, EMFILE, ... */
  | "STORAGE_IO_FAILED"
  /** A line that cannot be stored or read as one line. */
  | "STORAGE_LINE_INVALID"
  /** Used after `close`, `finish` or `abort`. */
  | "STORAGE_CLOSED";

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  readonly help: string | undefined;
  constructor(code: StorageErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}

/** `errno` name of a failed call ("ENOENT"), or `undefined` for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Turns a failed call of the operating system into a `StorageError`; errors that already say more pass unchanged.
 *
 * @param action - what was attempted, as in "cannot <action> <path>"
 */
export function toStorageError(error: unknown, action: string, path: string): Error {
  const errno = errnoOf(error);
  if (!(error instanceof Error) || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const message = `cannot ${action} ${path}: ${error.message}`;
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new StorageError("STORAGE_DISK_FULL", message, {
        cause: error,
        help: "Free some space or choose a directory on another disk. What was saved before is intact.",
      });
    case "ENOENT":
      return new StorageError("STORAGE_NOT_FOUND", message, { cause: error });
    case "EEXIST":
    case "ENOTEMPTY":
      return new StorageError("STORAGE_EXISTS", message, { cause: error });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StorageError("STORAGE_PERMISSION_DENIED", message, { cause: error });
    default:
      return new StorageError("STORAGE_IO_FAILED", message, { cause: error });
  }
}
