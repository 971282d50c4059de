import { dirname, resolve } from "node:path";
import { makeDirectory } from "@codex/storage";
import type Database from "better-sqlite3";
import { Kysely, Migrator, SqliteDialect, sql } from "kysely";
import { LoggingError } from "../../errors.ts";
import { type DatabaseKind, isBusy, openDatabase } from "../../sqlite/open-database.ts";
import { type SessionTables, sessionMigrations } from "./schema.ts";

const SESSION_DATABASE: DatabaseKind = {
  applicationId: 0x43445873, // "CDXs"
  name: "a session database",
  code: "LOGGING_DATABASE_INVALID",
  help: "Move the file away: the database is made again from the session files. Or name another one with CODEX_LOG_DB_PATH.",
  synchronous: "NORMAL", // rows can be made again; the session files are what is synced
};

/** A connection: kysely for what is asked, better-sqlite3 for what is written in one go. */
export interface SessionDatabase {
  readonly path: string;
  readonly connection: Database.Database;
  readonly db: Kysely<SessionTables>;
  /** A pooled connection stays open. */
  close(): Promise<void>;
}

export interface OpenSessionDatabaseOptions {
  /** Milliseconds that a call waits for other writers, holding up the event loop. Default: 30,000. */
  readonly timeout?: number;
}

/** Open connections of this process by path, with `CODEX_SQLITE_POOL=1`. */
const pool = new Map<string, Promise<SessionDatabase>>();

/**
 * Opens or creates a session database and brings its tables up to date. With `CODEX_SQLITE_POOL=1` all calls of this process
 * for one path share a connection; one that was closed is replaced.
 *
 * @throws {LoggingError} `LOGGING_SQLITE_UNSUITABLE`, `LOGGING_DATABASE_INVALID`; SQLite's own error where the database is locked
 */
export async function openSessionDatabase(
  path: string,
  options: OpenSessionDatabaseOptions = {},
): Promise<SessionDatabase> {
  if (path === ":memory:" || !/^(?:1|true|yes)$/i.test(process.env.CODEX_SQLITE_POOL ?? "")) return open(path, options);
  const key = resolve(path);
  for (;;) {
    const known = pool.get(key);
    const found = await known?.catch(() => undefined);
    if (found?.connection.open) return found;
    if (pool.get(key) !== known) continue; // replaced by somebody else meanwhile
    const opening = open(key, options).then((database) => ({ ...database, close: async () => {} }));
    pool.set(key, opening);
    return opening;
  }
}

/** SQLite's own errors as ours; others pass unchanged. */
export function toDatabaseError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || !String(error.code).startsWith("SQLITE_")) return error;
  return new LoggingError("LOGGING_DATABASE_FAILED", `${path}: ${error.message} (${String(error.code)})`, {
    cause: error,
    help: isBusy(error)
      ? "Another process writes to it: try again. Nothing is lost, the session files have everything."
      : "Nothing is lost: the session files have everything, and the database can be made again from them.",
  });
}

async function open(path: string, { timeout = 30_000 }: OpenSessionDatabaseOptions): Promise<SessionDatabase> {
  if (path !== ":memory:") await makeDirectory(dirname(resolve(path)));
  const connection = openDatabase(path, { kind: SESSION_DATABASE, timeout });
  const db = new Kysely<SessionTables>({ dialect: new SqliteDialect({ database: connection }) });
  try {
    connection.pragma("temp_store = MEMORY");
    // 16 MiB of write-ahead log between two checkpoints, which sync: pages that change often are written once.
    connection.pragma("wal_autocheckpoint = 4000");
    await migrate(db);
    return { path, connection, db, close: () => db.destroy() };
  } catch (cause) {
    await db.destroy();
    if (isBusy(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LoggingError("LOGGING_DATABASE_INVALID", `${path}: cannot bring the tables up to date: ${reason}`, {
      cause,
      help: "A database made by a newer version of Codex needs that version. Or move the file away: it is made again from the session files.",
    });
  }
}

async function isUpToDate(db: Kysely<SessionTables>): Promise<boolean> {
  const tables = await sql`select 1 from sqlite_master where name = 'kysely_migration'`.execute(db);
  if (tables.rows.length === 0) return false;
  const done = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  const known = Object.keys(await sessionMigrations.getMigrations()).sort();
  return done.rows.length === known.length && done.rows.every(({ name }, index) => name === known[index]);
}

/** Under the write lock from the start, so that of several processes one migrates and the others find it done. */
async function migrate(db: Kysely<SessionTables>): Promise<void> {
  if (await isUpToDate(db)) return; // whoever only reads needs no write lock
  await db.connection().execute(async (connection) => {
    await sql`begin immediate`.execute(connection);
    try {
      const { error } = await new Migrator({ db: connection, provider: sessionMigrations }).migrateToLatest();
      if (error !== undefined) throw error;
      await sql`commit`.execute(connection);
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => {});
      throw error;
    }
  });
}
