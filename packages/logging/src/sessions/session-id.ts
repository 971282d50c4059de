import { randomUUID } from "node:crypto";
import { LoggingError } from "../errors.ts";

/** A file name everywhere: no separators, no dot or dash in front, no blanks. */
const SESSION_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Names that Windows keeps for devices, with any ending. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

export function isSessionId(id: string): boolean {
  return SESSION_ID.test(id) && !DEVICE.test(id) && !id.endsWith(".");
}

/** @throws {LoggingError} `LOGGING_SESSION_ID_INVALID` */
export function assertSessionId(id: string, where = "session id"): void {
  if (typeof id === "string" && isSessionId(id)) return;
  throw new LoggingError(
    "LOGGING_SESSION_ID_INVALID",
    `${where}: expected up to 128 letters, digits, ".", "_" or "-", starting with a letter, digit or "_", got ${JSON.stringify(String(id).slice(0, 80))}`,
  );
}

/**
 * The session that this process belongs to: `CODEX_SESSION_ID`. Where that is not set, a new id (UUID 4) is made and put into
 * `process.env`, so that the processes that this one starts belong to the same session.
 *
 * @throws {LoggingError} `LOGGING_SESSION_ID_INVALID` when the variable holds something else
 */
export function getSessionId(): string {
  const given = process.env.CODEX_SESSION_ID;
  if (given !== undefined && given !== "") {
    assertSessionId(given, "CODEX_SESSION_ID");
    return given;
  }
  const made = randomUUID();
  process.env.CODEX_SESSION_ID = made;
  return made;
}
