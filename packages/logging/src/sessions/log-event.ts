import { resolve } from "node:path";
import { StorageError } from "@codex/storage";
import { openSessionStore } from "./open-session-store.ts";
import {
  acquireSession,
  closeSessions as closeOpenSessions,
  releaseSession,
  type SessionTarget,
} from "./open-sessions.ts";
import { readSessionFile } from "./read-session-file.ts";
import type { SessionEvent, SessionRole } from "./session-event.ts";
import { type LogEventOptions, settleSessions } from "./session-logger.ts";
import { sessionDatabasePath, sessionDirectory, sessionFile } from "./session-paths.ts";

/**
 * Adds an event to a session, from anywhere: no start and no end record is written. Resolves when it is synced to the file.
 *
 * @param message - what is not a string is turned into one
 * @throws {LoggingError} `LOGGING_SESSION_ID_INVALID`, `LOGGING_EVENT_INVALID`; `LOGGING_DEFERRED` while the disk refuses: it is
 * kept, and written when it can be; `LOGGING_EVENT_LOST` when too much is waiting. A rejection that nobody looks at is not an unhandled one.
 */
export function logEvent(
  sessionId: string,
  role: SessionRole,
  message: unknown,
  options: LogEventOptions & SessionTarget = {},
): Promise<void> {
  const { level, metadata, ...target } = options;
  const { session, key } = acquireSession(sessionId, target);
  const accepted = session.writer.append({ role, message, level, metadata });
  const release = () => releaseSession(key);
  accepted.then(release, release);
  return accepted;
}

/** A turn of a conversation: `logEvent` at level `info`, without metadata. */
export function logMessage(
  sessionId: string,
  role: SessionRole,
  message: unknown,
  target: SessionTarget = {},
): Promise<void> {
  return logEvent(sessionId, role, message, target);
}

/**
 * What was logged in a session, in the order of its file, without start and end records; from the database where there is no
 * file any more. What this process logged before is in it, waited for or not.
 *
 * @throws {LoggingError} `LOGGING_SESSION_ID_INVALID`, `LOGGING_DEFERRED`
 */
export async function fetchMessages(
  sessionId: string,
  target: Pick<SessionTarget, "directory" | "database"> = {},
): Promise<SessionEvent[]> {
  const path = resolve(sessionFile(target.directory ?? sessionDirectory(), sessionId));
  await settleSessions();
  const { session, key } = acquireSession(sessionId, target);
  try {
    await session.writer.flush();
  } finally {
    releaseSession(key);
  }
  try {
    return [...readSessionFile(path, { sessionId })].filter((event) => event.type === "event");
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "STORAGE_NOT_FOUND" || target.database === false)
      throw error;
  }
  await using store = await openSessionStore({ database: target.database ?? sessionDatabasePath(), directory: false });
  return await store.query({ sessionId, type: "event" });
}

/**
 * Waits until everything that this process has logged is stored, and closes its session files and databases. A process that
 * ends does not need it; a test or a service that deletes the folder does.
 *
 * @throws {LoggingError} `LOGGING_DEFERRED` when a disk refuses events
 */
export async function closeSessions(): Promise<void> {
  await settleSessions();
  await closeOpenSessions();
}
