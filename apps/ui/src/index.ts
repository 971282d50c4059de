/** @module The local page over run directories: a server that only reads, and the built page in the package. */
export { UiError, type UiErrorCode } from "./errors.ts";
export { openBrowser } from "./open-browser.ts";
export type * from "./protocol.ts";
export { DEFAULT_PORT, startUi, type UiOptions, type UiServer } from "./server.ts";
