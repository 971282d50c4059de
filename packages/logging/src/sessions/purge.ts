import { join } from "node:path";
import { errnoOf, nodeFs } from "@codex/storage";
import { LoggingError } from "../errors.ts";
import type { SessionStore, SessionSummary } from "./database/session-store.ts";
import { sessionFile } from "./session-paths.ts";
import { writeSessionSnapshot } from "./snapshot.ts";

export interface PurgeOptions {
  /** Sessions whose last event is older go. Default: 30. */
  readonly days?: number;
  /** Only tell what would go. */
  readonly dryRun?: boolean;
  /** Folder for a copy of the database as it was, or false for none. Default: `.codex/archives`. */
  readonly archiveDirectory?: string | false;
  /** The clock; for tests. */
  readonly now?: () => Date;
}

export interface PurgedSessions {
  readonly sessions: readonly SessionSummary[];
  /** Sessions with a new event since they were looked at: they stay. */
  readonly kept: readonly string[];
  /** Rows removed. */
  readonly rows: number;
  readonly archive: string | undefined;
}

const DAY_MS = 24 * 3600_000;
export const RETENTION_DAYS = 30;

/**
 * Forgets old sessions, files and rows. First all of it is copied to `<archive>/session_logs_<time>.db`. What is killed half-way is finished by the next call.
 *
 * @param store - opened with the folder of the session files, so that it knows them all
 * @throws {LoggingError} `LOGGING_QUERY_INVALID` for days that are no number from 0
 */
export async function purgeSessions(store: SessionStore, options: PurgeOptions = {}): Promise<PurgedSessions> {
  const { days = RETENTION_DAYS, dryRun = false, archiveDirectory = join(".codex", "archives") } = options;
  if (!(days >= 0)) throw new LoggingError("LOGGING_QUERY_INVALID", `days: expected a number from 0, got ${days}`);
  const now = (options.now ?? (() => new Date()))();
  const cutoff = now.getTime() - days * DAY_MS;
  const old = (await store.sessions()).filter(({ lastAt }) => lastAt !== null && Date.parse(lastAt) < cutoff);
  if (dryRun || old.length === 0) return { sessions: old, kept: [], rows: 0, archive: undefined };
  const archive =
    archiveDirectory === false
      ? undefined
      : join(archiveDirectory, `session_logs_${now.toISOString().replace(/[-:]|\.\d+/g, "")}.db`);
  if (archive !== undefined) await writeSessionSnapshot(store, archive);
  const gone: SessionSummary[] = [];
  const kept: string[] = [];
  for (const session of old) {
    const path = sessionFile(session.directory, session.sessionId);
    const { added } = await store.importFile(path).catch(ignoreMissing);
    if (added > 0) {
      kept.push(session.sessionId);
      continue;
    }
    await nodeFs.unlink(path).catch(ignoreMissing); // the file first: it is what rows are made of
    gone.push(session);
  }
  const rows = store.removeSessions(gone.map(({ sessionId }) => sessionId));
  store.vacuum();
  return { sessions: gone, kept, rows, archive };
}

function ignoreMissing(error: unknown): { added: number } {
  if (errnoOf(error) === "ENOENT" || errnoOf(error) === "STORAGE_NOT_FOUND") return { added: 0 };
  throw error;
}
