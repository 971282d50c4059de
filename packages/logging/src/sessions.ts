/**
 * @module Session logs: what a script, an agent or a service does, as lines of a file and rows of a database. Logging needs
 * nothing but this package; the database needs `better-sqlite3` and `kysely`.
 */

export type {
  ImportedFile,
  ListSessionsOptions,
  SessionStore,
  SessionSummary,
} from "./sessions/database/session-store.ts";
export type { FullTextMode } from "./sessions/database/session-view.ts";
export { closeSessions, fetchMessages, logEvent, logMessage } from "./sessions/log-event.ts";
export { type OpenSessionStoreOptions, openSessionStore } from "./sessions/open-session-store.ts";
export type { SessionTarget } from "./sessions/open-sessions.ts";
export { FIELD_NAMES, type ParsedLine, parseSessionLine } from "./sessions/parse-line.ts";
export { parseWhen } from "./sessions/parse-when.ts";
export { type ReadSessionOptions, readSessionFile } from "./sessions/read-session-file.ts";
export {
  assertLevel,
  assertRole,
  parseLevel,
  SESSION_EVENT_TYPES,
  SESSION_LEVELS,
  SESSION_ROLES,
  type SessionEvent,
  type SessionEventType,
  type SessionLevel,
  type SessionRole,
} from "./sessions/session-event.ts";
export { assertSessionId, getSessionId, isSessionId } from "./sessions/session-id.ts";
export {
  type LogEventOptions,
  SessionLogger,
  type SessionLoggerOptions,
  type SessionOutcome,
  withSession,
} from "./sessions/session-logger.ts";
export type { SessionNotice } from "./sessions/session-notice.ts";
export { sessionDatabasePath, sessionDirectory, sessionFile } from "./sessions/session-paths.ts";
export type { SessionQuery } from "./sessions/session-query.ts";
export { recordSessionEnd, recordSessionStart } from "./sessions/session-records.ts";
