/**
 * The database as a view of session files. Rows and the watermark that says how far a file was read are written in one
 * transaction, so that whatever is killed or fails, the next one goes on where the rows end.
 *
 * Synchronous: a transaction is one call, and no other use of the connection can come in between.
 */
import { resolve } from "node:path";
import type Database from "better-sqlite3";
import { parseSessionLine } from "../parse-line.ts";
import { NO_TEXT } from "../read-session-file.ts";
import type { SessionEvent } from "../session-event.ts";
import { hashTail, SessionFileReader } from "../session-file-reader.ts";
import type { AcceptedBatch } from "../session-writer.ts";
import type { SessionTables } from "./schema.ts";

type SessionRow = SessionTables["sessions"];

/** `immediate`: a row and its place in the full-text index are one transaction. `background`: the index is filled afterwards, and before a search. */
export type FullTextMode = "immediate" | "background";

export interface CatchUpStep {
  /** Rows that were new. */
  readonly added: number;
  /** Whether the file has been read to its end. */
  readonly done: boolean;
  /** The file was rewritten or cut since it was last read: its rows were made anew. */
  readonly reread: boolean;
}

/** Events a transaction puts into the full-text index: some ten milliseconds. */
const FULL_TEXT_SLICE = 2000;

export class SessionView {
  readonly connection: Database.Database;
  readonly fullText: FullTextMode;
  readonly #statements: ReturnType<typeof prepare>;
  #lastTimestamp = "";
  #lastSeconds = 0;

  constructor(connection: Database.Database, { fullText = "immediate" }: { fullText?: FullTextMode } = {}) {
    this.connection = connection;
    this.fullText = fullText;
    this.#statements = prepare(connection);
  }

  /**
   * Adds what a writer has synced. Where a batch does not follow on what was read of its file (another process wrote, too),
   * the file is to be read: its path is returned.
   *
   * @returns paths and sessions to `catchUp`
   */
  addBatches(batches: readonly AcceptedBatch[]): { path: string; sessionId: string }[] {
    return this.#write(() => {
      const behind = new Map<string, { path: string; sessionId: string }>();
      for (const batch of batches) {
        const { path, sessionId, range } = batch;
        if (behind.has(path)) continue;
        const known = this.#session(sessionId) ?? newSession(sessionId, path);
        if (range === undefined || known.bytes !== range.start || known.directory !== directoryOf(path)) {
          behind.set(path, { path, sessionId });
          continue;
        }
        const last = Buffer.from(`${batch.lines.at(-1)}\n`);
        const session = { ...known, bytes: range.end, lines: known.lines + batch.events.length };
        session.tail_start = range.end - last.byteLength;
        session.tail_hash = hashTail(last);
        for (const event of batch.events) this.#insert(event, session);
        this.#saveSession(session);
      }
      if (this.fullText === "immediate") this.#indexTexts(Number.MAX_SAFE_INTEGER);
      return [...behind.values()];
    });
  }

  /**
   * Reads some of a session file on from where the last one stopped.
   * @throws errors of `node:fs` when the file cannot be read, and of SQLite
   */
  catchUp(path: string, sessionId: string): CatchUpStep {
    using reader = new SessionFileReader(path);
    return this.#write(() => {
      let session = this.#session(sessionId) ?? newSession(sessionId, path);
      const reread = session.bytes > 0 && !isUnchanged(session, reader);
      if (reread) {
        this.#removeRows(session);
        session = newSession(sessionId, path);
      }
      session.directory = directoryOf(path);
      const lines = reader.lines(session.bytes);
      let added = 0;
      for (const { text } of lines) {
        session.lines++;
        const parsed = text === undefined ? { malformed: NO_TEXT } : parseSessionLine(text, sessionId, session.lines);
        if (parsed === "blank") continue;
        if ("malformed" in parsed) this.#statements.addMalformed.run(sessionId, session.lines, parsed.malformed);
        else if (this.#insert(parsed.event, session)) added++;
      }
      const last = lines.at(-1);
      if (last !== undefined) {
        session.bytes = last.end;
        session.tail_start = last.start;
        session.tail_hash = reader.tailHash(last.start, last.end);
      }
      if (last !== undefined || reread) this.#saveSession(session);
      if (this.fullText === "immediate") this.#indexTexts(Number.MAX_SAFE_INTEGER);
      return { added, reread, done: last === undefined || session.bytes >= reader.size };
    });
  }

  /** How far files have been read, in bytes, by session. */
  watermarks(): Map<string, { bytes: number; directory: string }> {
    const rows = this.#statements.watermarks.all() as SessionRow[];
    return new Map(rows.map(({ session_id, bytes, directory }) => [session_id, { bytes, directory }]));
  }

  /** Fills some of the full-text index. @returns whether it is complete */
  fillFullText(): boolean {
    if (this.#statements.indexedKey.get() === this.#statements.lastKey.get()) return true;
    return this.#write(() => this.#indexTexts(FULL_TEXT_SLICE));
  }

  /** Removes the rows of sessions; their files are not touched, and are read again by the next catch-up if they are there. @returns rows removed */
  removeSessions(sessionIds: readonly string[]): number {
    return this.#write(() => {
      let removed = 0;
      for (const sessionId of sessionIds) {
        const session = this.#session(sessionId);
        if (session !== undefined) removed += this.#removeRows(session);
      }
      return removed;
    });
  }

  /** Removes everything, to be made again. */
  clear(): void {
    this.#write(() => {
      for (const table of ["session_events", "sessions", "malformed_lines"])
        this.connection.exec(`delete from ${table}`);
      this.connection.exec("insert into session_messages(session_messages) values ('delete-all')");
      this.connection.exec("update full_text_state set indexed_key = 0");
    });
  }

  #session(sessionId: string): SessionRow | undefined {
    return this.#statements.session.get(sessionId) as SessionRow | undefined;
  }

  #saveSession(row: SessionRow): void {
    this.#statements.saveSession.run(row);
  }

  #insert(event: SessionEvent, session: SessionRow): boolean {
    const ts = this.#seconds(event.timestamp);
    const metadata = event.metadata === null ? null : JSON.stringify(event.metadata);
    const { changes, lastInsertRowid } = this.#statements.insert.run(
      session.session_id,
      event.id,
      ts,
      event.type,
      event.role,
      event.level,
      event.message,
      metadata,
    );
    if (changes === 0) return false;
    const key = Number(lastInsertRowid);
    session.events++;
    session.first_key ??= key;
    session.last_key = key;
    session.first_ts = session.first_ts === null ? ts : Math.min(session.first_ts, ts);
    session.last_ts = session.last_ts === null ? ts : Math.max(session.last_ts, ts);
    return true;
  }

  /** Many events have the time of the one before. */
  #seconds(timestamp: string): number {
    if (timestamp !== this.#lastTimestamp) {
      this.#lastTimestamp = timestamp;
      this.#lastSeconds = Date.parse(timestamp) / 1000;
    }
    return this.#lastSeconds;
  }

  #removeRows(session: SessionRow): number {
    const { session_id } = session;
    this.#statements.unindex.run(session_id);
    const { changes } = this.#statements.removeEvents.run(session_id);
    this.#statements.removeMalformed.run(session_id);
    this.#statements.removeSession.run(session_id);
    // The keys of the last rows are given out again: what gets them is not in the index yet.
    this.#statements.lowerIndexed.run();
    return changes;
  }

  #indexTexts(limit: number): boolean {
    const from = this.#statements.indexedKey.get() as number;
    const last = this.#statements.lastKey.get() as number;
    if (from >= last) return true;
    const to = limit >= last - from ? last : ((this.#statements.keyAfter.get(from, limit) as number | null) ?? last);
    this.#statements.index.run(from, to);
    this.#statements.setIndexed.run(to);
    return to === last;
  }

  #write<T>(work: () => T): T {
    this.connection.exec("begin immediate");
    try {
      const result = work();
      this.connection.exec("commit");
      return result;
    } catch (error) {
      if (this.connection.inTransaction) this.connection.exec("rollback");
      throw error;
    }
  }
}

function prepare(connection: Database.Database) {
  const value = (sql: string) => connection.prepare(sql).pluck();
  return {
    session: connection.prepare("select * from sessions where session_id = ?"),
    watermarks: connection.prepare("select session_id, bytes, directory from sessions"),
    saveSession: connection.prepare(
      `insert or replace into sessions values (@session_id, @directory, @bytes, @lines, @tail_start, @tail_hash, @events,
         @first_ts, @last_ts, @first_key, @last_key)`,
    ),
    insert: connection.prepare(
      `insert into session_events (session_id, id, ts, type, role, level, message, metadata) values (?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (session_id, id) do nothing`,
    ),
    addMalformed: connection.prepare("insert or replace into malformed_lines values (?, ?, ?)"),
    indexedKey: value("select indexed_key from full_text_state"),
    lastKey: value("select coalesce(max(event_key), 0) from session_events"),
    keyAfter: value(
      "select max(event_key) from (select event_key from session_events where event_key > ? order by event_key limit ?)",
    ),
    index: connection.prepare(
      "insert into session_messages(rowid, message) select event_key, message from session_events where event_key > ? and event_key <= ?",
    ),
    setIndexed: connection.prepare("update full_text_state set indexed_key = ?"),
    lowerIndexed: connection.prepare(
      "update full_text_state set indexed_key = min(indexed_key, (select coalesce(max(event_key), 0) from session_events))",
    ),
    unindex: connection.prepare(
      `insert into session_messages(session_messages, rowid, message)
         select 'delete', event_key, message from session_events
         where session_id = ? and event_key <= (select indexed_key from full_text_state)`,
    ),
    removeEvents: connection.prepare("delete from session_events where session_id = ?"),
    removeMalformed: connection.prepare("delete from malformed_lines where session_id = ?"),
    removeSession: connection.prepare("delete from sessions where session_id = ?"),
  };
}

function newSession(sessionId: string, path: string): SessionRow {
  return {
    session_id: sessionId,
    directory: directoryOf(path),
    bytes: 0,
    lines: 0,
    tail_start: 0,
    tail_hash: "",
    events: 0,
    first_ts: null,
    last_ts: null,
    first_key: null,
    last_key: null,
  };
}

function isUnchanged(session: SessionRow, reader: SessionFileReader): boolean {
  return session.bytes <= reader.size && reader.tailHash(session.tail_start, session.bytes) === session.tail_hash;
}

function directoryOf(path: string): string {
  return resolve(path, "..");
}
