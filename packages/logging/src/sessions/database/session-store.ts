import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, toStorageError } from "@codex/storage";
import type { SessionEvent } from "../session-event.ts";
import { assertSessionId, isSessionId } from "../session-id.ts";
import { checkQuery, type SessionQuery } from "../session-query.ts";
import { countEvents, type EventRow, selectEvents, toEvent } from "./select-events.ts";
import { type SessionDatabase, toDatabaseError } from "./session-database.ts";
import type { SessionView } from "./session-view.ts";

/** A session as a whole. */
export interface SessionSummary {
  readonly sessionId: string;
  /** The folder of its file. */
  readonly directory: string;
  readonly events: number;
  /** Lines of its file that are no events. */
  readonly malformed: number;
  /** ISO 8601, UTC; null for a session without events. */
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  /** How it ended: the last end record. Null while it goes on, or when it was killed. */
  readonly end: {
    readonly exitCode: number | null;
    readonly durationS: number | null;
    readonly outcome: string | null;
  } | null;
}

export interface ListSessionsOptions {
  /** Sessions with events from then on, or up to then. */
  readonly since?: Date | string;
  readonly until?: Date | string;
  /** By the time of the last event. Default: `desc`. */
  readonly order?: "asc" | "desc";
  readonly limit?: number;
  readonly offset?: number;
}

/** What became of one file. */
export interface ImportedFile {
  readonly path: string;
  readonly sessionId: string;
  /** Rows that were new. */
  readonly added: number;
  /** The file was rewritten or cut since it was last read: its rows were made anew. */
  readonly reread: boolean;
  /** All lines of the file that are no events, by number from 1: those of earlier imports too. */
  readonly malformed: readonly { readonly line: number; readonly reason: string }[];
}

/** Events that `stream` asks for at a time. */
const STREAM_SIZE = 500;

/** Events of sessions, to ask. The caller closes it, or uses `await using`. */
export class SessionStore implements AsyncDisposable {
  readonly path: string;
  readonly #database: SessionDatabase;
  readonly #view: SessionView;

  /** Made by `openSessionStore`. */
  constructor(database: SessionDatabase, view: SessionView) {
    this.path = database.path;
    this.#database = database;
    this.#view = view;
  }

  /** @throws {LoggingError} `LOGGING_QUERY_INVALID`, `LOGGING_TIME_INVALID`, `LOGGING_EVENT_INVALID`, `LOGGING_SEARCH_INVALID` */
  async query(query: SessionQuery = {}): Promise<SessionEvent[]> {
    const checked = checkQuery(query);
    if (checked.search !== undefined) await this.#completeFullText();
    return (await selectEvents(this.#database.db, checked)).map(toEvent);
  }

  /** How many events `query` would give, without `limit`, `offset` and `tail`. */
  async count(query: SessionQuery = {}): Promise<number> {
    const checked = checkQuery(query);
    if (checked.search !== undefined) await this.#completeFullText();
    return countEvents(this.#database.db, checked);
  }

  /** The events of a query, some hundred at a time: memory does not grow with their number. */
  async *stream(query: Omit<SessionQuery, "tail"> = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const checked = checkQuery(query);
    if (checked.search !== undefined) await this.#completeFullText();
    let left = checked.limit ?? Number.MAX_SAFE_INTEGER;
    let { offset } = checked;
    let after: EventRow | undefined;
    while (left > 0) {
      const limit = Math.min(STREAM_SIZE, left);
      const rows = await selectEvents(this.#database.db, { ...checked, limit, offset }, after);
      for (const row of rows) yield toEvent(row);
      if (rows.length < limit) return;
      left -= rows.length;
      offset = 0;
      after = rows.at(-1);
    }
  }

  /** Sessions, the one with the newest event first. */
  async sessions(options: ListSessionsOptions = {}): Promise<SessionSummary[]> {
    const { since, until, order, limit, offset } = checkQuery({ order: "desc", ...options });
    let select = this.#database.db
      .selectFrom("sessions")
      .selectAll()
      .orderBy("last_ts", order)
      .orderBy("session_id", order);
    if (since !== undefined) select = select.where("last_ts", ">=", since);
    if (until !== undefined) select = select.where("first_ts", "<=", until);
    if (limit !== undefined || offset > 0) select = select.limit(limit ?? -1).offset(offset);
    const summaries: SessionSummary[] = [];
    for (const row of await select.execute()) {
      const [end] = await this.query({ sessionId: row.session_id, type: "session_end", tail: 1 });
      summaries.push({
        sessionId: row.session_id,
        directory: row.directory,
        events: row.events,
        malformed: await this.#countMalformed(row.session_id),
        firstAt: toIso(row.first_ts),
        lastAt: toIso(row.last_ts),
        end: end === undefined ? null : toEnd(end),
      });
    }
    return summaries;
  }

  /**
   * Reads what is new in the session files of a folder; what was read before is not read again.
   * @returns the files with something new, or with lines that are no events
   */
  async importDirectory(directory: string): Promise<ImportedFile[]> {
    const known = this.#view.watermarks();
    const imported: ImportedFile[] = [];
    for (const { path, sessionId } of listSessionFiles(directory)) {
      const before = known.get(sessionId);
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size === undefined || (before !== undefined && before.bytes === size)) continue;
      imported.push(await this.importFile(path, { sessionId }));
    }
    return imported;
  }

  /**
   * Reads what is new in one session file.
   *
   * @param options.sessionId - default: the name of the file
   * @throws {StorageError} `STORAGE_NOT_FOUND`, ...; {LoggingError} `LOGGING_SESSION_ID_INVALID`
   */
  async importFile(path: string, options: { sessionId?: string } = {}): Promise<ImportedFile> {
    const sessionId = options.sessionId ?? sessionIdOf(path);
    assertSessionId(sessionId);
    let added = 0;
    let reread = false;
    for (;;) {
      const step = this.#step(path, sessionId);
      added = step.reread ? step.added : added + step.added;
      reread ||= step.reread;
      if (step.done) break;
      await new Promise(setImmediate); // others have their turn between two transactions
    }
    return { path, sessionId, added, reread, malformed: await this.#malformed(sessionId) };
  }

  /** Makes the rows anew from the session files of a folder. Rows of files that are gone, or lie elsewhere, are gone then. */
  async rebuild(directory: string): Promise<ImportedFile[]> {
    this.#change((view) => view.clear());
    return this.importDirectory(directory);
  }

  /** Removes the rows of sessions, not their files. @returns rows removed */
  removeSessions(sessionIds: readonly string[]): number {
    return this.#change((view) => view.removeSessions(sessionIds));
  }

  /** Copies all of it, as it is at one moment, into a file that is not there yet, while others may go on writing. */
  async backup(path: string): Promise<void> {
    await this.#database.connection.backup(path);
  }

  /** Gives the space of removed rows back to the disk. */
  vacuum(): void {
    this.#database.connection.exec("vacuum");
    this.#database.connection.pragma("wal_checkpoint(TRUNCATE)");
  }

  /** Does not close a pooled connection (`CODEX_SQLITE_POOL=1`). */
  close(): Promise<void> {
    return this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #step(path: string, sessionId: string) {
    try {
      return this.#view.catchUp(path, sessionId);
    } catch (error) {
      throw toStorageError(toDatabaseError(error, this.path), "read", path);
    }
  }

  async #completeFullText(): Promise<void> {
    while (!this.#change((view) => view.fillFullText())) await new Promise(setImmediate);
  }

  #change<T>(change: (view: SessionView) => T): T {
    try {
      return change(this.#view);
    } catch (error) {
      throw toDatabaseError(error, this.path);
    }
  }

  #malformed(sessionId: string): Promise<{ line: number; reason: string }[]> {
    const select = this.#database.db.selectFrom("malformed_lines").select(["line", "reason"]);
    return select.where("session_id", "=", sessionId).orderBy("line").execute();
  }

  async #countMalformed(sessionId: string): Promise<number> {
    const row = await this.#database.db
      .selectFrom("malformed_lines")
      .select((expression) => expression.fn.countAll<number>().as("n"))
      .where("session_id", "=", sessionId)
      .executeTakeFirstOrThrow();
    return row.n;
  }
}

/** The session files of a folder, by name. Other files are not looked at. No folder: none. */
export function listSessionFiles(directory: string): { path: string; sessionId: string }[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".ndjson") && isSessionId(sessionIdOf(name)))
      .sort()
      .map((name) => ({ path: join(directory, name), sessionId: sessionIdOf(name) }));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw toStorageError(error, "read", directory);
  }
}

function sessionIdOf(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.(?:ndjson|jsonl)$/, "");
}

function toEnd({ metadata }: SessionEvent): SessionSummary["end"] {
  const number = (...names: string[]) => {
    const value = names.map((name) => metadata?.[name]).find((candidate) => typeof candidate === "number");
    return (value as number | undefined) ?? null;
  };
  const outcome = metadata?.outcome;
  return {
    exitCode: number("exit_code"),
    durationS: number("duration_s"),
    outcome: typeof outcome === "string" ? outcome : null,
  };
}

function toIso(seconds: number | null): string | null {
  return seconds === null ? null : new Date(Math.round(seconds * 1000)).toISOString();
}
