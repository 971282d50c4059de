/** Closed list. */
export type UiErrorCode =
  /** The folder of runs, or of sessions, is not there or is no folder. */
  | "UI_FOLDER_NOT_FOUND"
  /** The port is taken, or may not be used. */
  | "UI_PORT_UNAVAILABLE"
  /** The built page is not in the package. */
  | "UI_PAGE_MISSING";

export class UiError extends Error {
  override readonly name = "UiError";
  readonly code: UiErrorCode;
  readonly help: string | undefined;
  constructor(code: UiErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
