import { join } from "node:path";
import { assertSessionId } from "./session-id.ts";

/** Where session files are: `CODEX_SESSION_LOG_DIR`, else `.codex/sessions` in the working directory. */
export function sessionDirectory(): string {
  return process.env.CODEX_SESSION_LOG_DIR || join(".codex", "sessions");
}

/** The session database: `CODEX_LOG_DB_PATH`, else `CODEX_DB_PATH`, else `.codex/session_logs.db` in the working directory. */
export function sessionDatabasePath(): string {
  return process.env.CODEX_LOG_DB_PATH || process.env.CODEX_DB_PATH || join(".codex", "session_logs.db");
}

/** @throws {LoggingError} `LOGGING_SESSION_ID_INVALID` */
export function sessionFile(directory: string, sessionId: string): string {
  assertSessionId(sessionId);
  return join(directory, `${sessionId}.ndjson`);
}
