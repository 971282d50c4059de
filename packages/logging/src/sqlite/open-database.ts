import Database from "better-sqlite3";
import { LoggingError, type LoggingErrorCode } from "../errors.ts";

/** What a database is for: in its header, in its settings, and in messages. */
export interface DatabaseKind {
  /** Written into the header of the file, so that another program's database is never taken for ours. */
  readonly applicationId: number;
  /** As in "expected a run index". */
  readonly name: string;
  readonly code: LoggingErrorCode;
  /** What to do with a file that is something else. */
  readonly help: string;
  readonly synchronous: "FULL" | "NORMAL";
}

const RUN_INDEX: DatabaseKind = {
  applicationId: 0x43445869, // "CDXi"
  name: "a run index",
  code: "LOGGING_INDEX_INVALID",
  help: "Move the file away: the index is made again from the run directories.",
  synchronous: "FULL",
};

/** Versions below have a race in the reset of the write-ahead log that corrupts databases (present since 3.7.0). */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** Milliseconds that a writer waits for the others, holding up its event loop, before it gives up. */
const BUSY_TIMEOUT_MS = 30_000;

/**
 * Opens or creates a database with settings that keep what was committed: write-ahead log, `synchronous=FULL` unless its kind
 * says otherwise (better-sqlite3 is compiled to lower it to NORMAL), no memory map, foreign keys on, schema not trusted.
 *
 * @throws {LoggingError} `LOGGING_SQLITE_UNSUITABLE`, the code of the kind; SQLite's own error where the database is locked
 */
export function openDatabase(
  path: string,
  { kind = RUN_INDEX, timeout = BUSY_TIMEOUT_MS }: { kind?: DatabaseKind; timeout?: number } = {},
): Database.Database {
  let database: Database.Database;
  try {
    database = new Database(path, { timeout });
  } catch (cause) {
    throw openFailure(cause as Error, path, kind);
  }
  try {
    assertSafeSqlite(database.prepare("select sqlite_version()").pluck().get() as string);
    assertOurs(database, path, kind);
    database.pragma("journal_mode = WAL");
    database.pragma(`synchronous = ${kind.synchronous}`);
    database.pragma("foreign_keys = ON");
    database.pragma("trusted_schema = OFF");
    database.pragma("mmap_size = 0");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof LoggingError || isBusy(error)) throw error;
    throw new LoggingError(kind.code, `${path}: expected ${kind.name}: ${(error as Error).message}`, {
      cause: error,
      help: kind.help,
    });
  }
}

/** Tells a file that cannot be opened from a better-sqlite3 that cannot be loaded. */
export function openFailure(cause: Error & { code?: unknown }, path: string, kind = RUN_INDEX): LoggingError {
  if (/bindings file/.test(cause.message) || cause.code === "ERR_DLOPEN_FAILED") {
    const reason = cause.message.split("\n", 1)[0];
    return new LoggingError(
      "LOGGING_SQLITE_UNSUITABLE",
      `better-sqlite3: its native part cannot be loaded: ${reason}`,
      {
        cause,
        help: "Allow its install script and install it again: npm rebuild better-sqlite3, or with pnpm `allowBuilds: { better-sqlite3: true }`.",
      },
    );
  }
  return new LoggingError(kind.code, `${path}: cannot open ${kind.name.replace(/^an? /, "the ")}: ${cause.message}`, {
    cause,
  });
}

/** Whether another process or connection holds the database at the moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^SQLITE_(?:BUSY|LOCKED)/.test(String(error.code));
}

/** @throws {LoggingError} `LOGGING_SQLITE_UNSUITABLE` for SQLite before 3.51.3 */
export function assertSafeSqlite(version: string): void {
  const found = version.split(".").map(Number);
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = found[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) {
      throw new LoggingError(
        "LOGGING_SQLITE_UNSUITABLE",
        `SQLite: expected version ${OLDEST_SQLITE.join(".")} or newer, got ${version}, which can corrupt its write-ahead log`,
        { help: "Install better-sqlite3 12.9.0 or newer." },
      );
    }
  }
}

function assertOurs(database: Database.Database, path: string, kind: DatabaseKind): void {
  const id = database.pragma("application_id", { simple: true });
  if (id === kind.applicationId) return;
  const claim = database.transaction(() => {
    // Looked at again under the write lock: another process may have made it a moment ago.
    if (database.pragma("application_id", { simple: true }) === kind.applicationId) return;
    const tables = database.prepare("select count(*) from sqlite_master").pluck().get() as number;
    if (tables > 0) {
      throw new LoggingError(kind.code, `${path}: expected ${kind.name}, got a database of another program`, {
        help: "Nothing was changed. Choose another path.",
      });
    }
    database.pragma(`application_id = ${kind.applicationId}`);
  });
  claim.immediate();
}
