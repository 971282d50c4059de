/** The session files and databases that this process has open: one writer for a file, one follower for a database. */
import { resolve } from "node:path";
import type { AppendFs } from "@codex/storage";
import type { FullTextMode } from "./database/session-view.ts";
import { DatabaseFollower } from "./database-follower.ts";
import { afterProcessEnd } from "./process-end.ts";
import { type SessionNotice, warnOfNotice } from "./session-notice.ts";
import { sessionDatabasePath, sessionDirectory, sessionFile } from "./session-paths.ts";
import { SessionWriter } from "./session-writer.ts";

/** Where a session is kept. */
export interface SessionTarget {
  /** Folder of session files. Default: `CODEX_SESSION_LOG_DIR`, else `.codex/sessions`. */
  readonly directory?: string;
  /** The database, or false for none. Default: `CODEX_LOG_DB_PATH`, else `CODEX_DB_PATH`, else `.codex/session_logs.db`. */
  readonly database?: string | false;
  /** When messages get into the full-text index of the database. Default: `immediate`. */
  readonly fullText?: FullTextMode;
  /** Told once of what goes wrong without being lost. Default: a warning of the process. */
  readonly onNotice?: (notice: SessionNotice) => void;
  readonly fs?: AppendFs;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
  /** Characters that may wait in memory while the disk refuses them. Default: 64 million. */
  readonly maxWaiting?: number;
}

/** An open session of this process. */
export interface OpenSession {
  readonly writer: SessionWriter;
  readonly follower: DatabaseFollower | undefined;
  /** Users of the writer. */
  users: number;
}

const sessions = new Map<string, OpenSession>();
const followers = new Map<string, { follower: DatabaseFollower; users: number }>();
/** Sessions that nobody uses at the moment, the one longest unused first. They stay open for the next event. */
const idle = new Set<string>();
const MAX_IDLE = 32;
/** How long a database that is behind is waited for at the end. */
const DATABASE_PATIENCE_MS = 2000;

export function acquireSession(sessionId: string, target: SessionTarget): { session: OpenSession; key: string } {
  const path = resolve(sessionFile(target.directory ?? sessionDirectory(), sessionId));
  const database = target.database ?? sessionDatabasePath();
  const key = `${path}\0${database === false ? "" : resolve(database)}`;
  let session = sessions.get(key);
  afterProcessEnd(flushSessionsNow);
  if (session === undefined) {
    session = open(path, sessionId, database, target);
    sessions.set(key, session);
  }
  session.users++;
  idle.delete(key);
  return { session, key };
}

/** The session may be closed when others come. */
export function releaseSession(key: string): void {
  const session = sessions.get(key);
  if (session === undefined || --session.users > 0) return;
  idle.add(key);
  const [oldest] = idle;
  if (idle.size > MAX_IDLE && oldest !== undefined) void closeSession(oldest).catch(() => {});
}

/** Waits until the database of a session has all of it, or for two seconds. */
export async function settleDatabase(session: OpenSession): Promise<void> {
  await session.follower?.flush(DATABASE_PATIENCE_MS);
}

/**
 * Waits for everything that this process has logged, and closes files and databases; the next event opens them again.
 * @throws {LoggingError} `LOGGING_DEFERRED` when a disk refuses events
 */
export async function closeSessions(): Promise<void> {
  const results = await Promise.allSettled([...sessions.keys()].map(closeSession));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Writes everything, holding up the event loop: for a process that is ending. */
export function flushSessionsNow(): void {
  for (const { writer } of sessions.values()) {
    const lost = writer.flushNow();
    if (lost === 0) continue;
    const message = `${writer.path}: ${lost} events are lost: ${writer.refusal?.message ?? "the file cannot be written"}.`;
    warnOfNotice({ kind: "deferred", message });
  }
  for (const { follower } of followers.values()) follower.flushNow();
}

function open(path: string, sessionId: string, database: string | false, target: SessionTarget): OpenSession {
  const { onNotice = warnOfNotice, fullText = "immediate", fs, now, maxWaiting } = target;
  const follower = database === false ? undefined : useFollower(database, fullText, onNotice);
  const writer = new SessionWriter(path, sessionId, {
    onNotice,
    ...(follower && { onAccepted: (batch) => follower.follow(batch) }),
    ...(fs && { fs }),
    ...(now && { now }),
    ...(maxWaiting !== undefined && { maxWaiting }),
  });
  return { writer, follower, users: 0 };
}

function useFollower(
  database: string,
  fullText: FullTextMode,
  onNotice: (notice: SessionNotice) => void,
): DatabaseFollower {
  const path = database === ":memory:" ? database : resolve(database);
  const known = followers.get(path) ?? { follower: new DatabaseFollower(path, { fullText, onNotice }), users: 0 };
  known.users++;
  followers.set(path, known);
  return known.follower;
}

async function closeSession(key: string): Promise<void> {
  const session = sessions.get(key);
  if (session === undefined) return;
  sessions.delete(key);
  idle.delete(key);
  try {
    await session.writer.close();
  } finally {
    await leaveFollower(session.follower);
  }
}

async function leaveFollower(follower: DatabaseFollower | undefined): Promise<void> {
  const known = follower && followers.get(follower.path);
  if (known === undefined || --known.users > 0) return;
  followers.delete(known.follower.path);
  await known.follower.close(DATABASE_PATIENCE_MS);
}
