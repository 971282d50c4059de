import { type Generated, type Migration, type MigrationProvider, sql } from "kysely";

/** The tables, as kysely sees them. All of it can be made again from the session files. */
export interface SessionTables {
  session_events: {
    /** Rows of a session ascend as its lines do. */
    event_key: Generated<number>;
    session_id: string;
    /** With `session_id` the stable key: what was written live and is imported later is the same row. */
    id: string;
    /** Seconds since 1970, UTC. */
    ts: number;
    type: string;
    role: string;
    level: string;
    message: string;
    /** JSON, or null. */
    metadata: string | null;
  };
  /** What has been read of each session file, and what `sessions list` shows without reading events. */
  sessions: {
    session_id: string;
    /** The folder that its file is in. */
    directory: string;
    /** How far the file has been read. */
    bytes: number;
    lines: number;
    /** Where the last line that was read begins, and a hash of it: to notice a file that was rewritten. */
    tail_start: number;
    tail_hash: string;
    events: number;
    first_ts: number | null;
    last_ts: number | null;
    first_key: number | null;
    last_key: number | null;
  };
  malformed_lines: {
    session_id: string;
    /** From 1. */
    line: number;
    reason: string;
  };
  /** Full-text index over `session_events.message`; its rowid is `event_key`. */
  session_messages: {
    rowid: number;
    message: string;
    session_messages: string;
    rank: number;
  };
  /** One row: events up to `indexed_key` are in the full-text index. */
  full_text_state: {
    only: number;
    indexed_key: number;
  };
}

/** Never changed once published; a change of the tables is a new entry. Names sort in order of application. */
const migrations: Record<string, Migration> = {
  "0001-session-events": {
    async up(db) {
      await db.schema
        .createTable("session_events")
        .addColumn("event_key", "integer", (column) => column.primaryKey())
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("id", "text", (column) => column.notNull())
        .addColumn("ts", "real", (column) => column.notNull())
        .addColumn("type", "text", (column) => column.notNull())
        .addColumn("role", "text", (column) => column.notNull())
        .addColumn("level", "text", (column) => column.notNull())
        .addColumn("message", "text", (column) => column.notNull())
        .addColumn("metadata", "text")
        .execute();
      await db.schema
        .createIndex("session_events_by_id")
        .on("session_events")
        .columns(["session_id", "id"])
        .unique()
        .execute();
      await db.schema
        .createIndex("session_events_by_session_and_time")
        .on("session_events")
        .columns(["session_id", "ts"])
        .execute();
      await db.schema.createIndex("session_events_by_time").on("session_events").column("ts").execute();
      await db.schema
        .createTable("sessions")
        .addColumn("session_id", "text", (column) => column.primaryKey().notNull())
        .addColumn("directory", "text", (column) => column.notNull())
        .addColumn("bytes", "integer", (column) => column.notNull())
        .addColumn("lines", "integer", (column) => column.notNull())
        .addColumn("tail_start", "integer", (column) => column.notNull())
        .addColumn("tail_hash", "text", (column) => column.notNull())
        .addColumn("events", "integer", (column) => column.notNull())
        .addColumn("first_ts", "real")
        .addColumn("last_ts", "real")
        .addColumn("first_key", "integer")
        .addColumn("last_key", "integer")
        .execute();
      await db.schema
        .createTable("malformed_lines")
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("line", "integer", (column) => column.notNull())
        .addColumn("reason", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("malformed_lines_key", ["session_id", "line"])
        .execute();
      // The text stays in session_events alone: what the index adds is the index.
      await sql`create virtual table session_messages using fts5(
        message, content='session_events', content_rowid='event_key', tokenize="unicode61 remove_diacritics 2"
      )`.execute(db);
      await db.schema
        .createTable("full_text_state")
        .addColumn("only", "integer", (column) => column.primaryKey())
        .addColumn("indexed_key", "integer", (column) => column.notNull())
        .execute();
      await sql`insert into full_text_state values (1, 0)`.execute(db);
    },
  },
};

export const sessionMigrations: MigrationProvider = { getMigrations: async () => migrations };
