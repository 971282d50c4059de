import Database from "better-sqlite3";
import { LoggingError } from "../errors.ts";

/** "CDXi": written into the header of the file, so that another program's database is never taken for ours. */
const APPLICATION_ID = 0x43445869;

/** Versions below have a race in the reset of the write-ahead log that corrupts databases (present since 3.7.0). */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** How long a writer waits for the others before it gives up. */
const BUSY_TIMEOUT_MS = 30_000;

/**
 * Opens or creates a database with settings that keep what was committed: write-ahead log, `synchronous=FULL`
 * (better-sqlite3 is compiled to lower it to NORMAL), no memory map, foreign keys on, schema not trusted.
 *
 * @throws {LoggingError} `LOGGING_SQLITE_UNSUITABLE`, `LOGGING_INDEX_INVALID`
 */
export function openDatabase(path: string): Database.Database {
  let database: Database.Database;
  try {
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (cause) {
    throw openFailure(cause as Error, path);
  }
  try {
    assertSafeSqlite(database.prepare("select sqlite_version()").pluck().get() as string);
    assertOurs(database, path);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma("trusted_schema = OFF");
    database.pragma("mmap_size = 0");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof LoggingError) throw error;
    throw new LoggingError("LOGGING_INDEX_INVALID", `${path}: expected a run index: ${(error as Error).message}`, {
      cause: error,
      help: "Move the file away: the index is made again from the run directories.",
    });
  }
}

/** Tells a file that cannot be opened from a better-sqlite3 that cannot be loaded. */
export function openFailure(cause: Error & { code?: unknown }, path: string): LoggingError {
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
  return new LoggingError("LOGGING_INDEX_INVALID", `${path}: cannot open the run index: ${cause.message}`, { cause });
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

function assertOurs(database: Database.Database, path: string): void {
  const id = database.pragma("application_id", { simple: true });
  if (id === APPLICATION_ID) return;
  const claim = database.transaction(() => {
    // Looked at again under the write lock: another process may have made the index a moment ago.
    if (database.pragma("application_id", { simple: true }) === APPLICATION_ID) return;
    const tables = database.prepare("select count(*) from sqlite_master").pluck().get() as number;
    if (tables > 0) {
      throw new LoggingError(
        "LOGGING_INDEX_INVALID",
        `${path}: expected a run index, got a database of another program`,
        {
          help: "Nothing was changed. Choose another path for the index.",
        },
      );
    }
    database.pragma(`application_id = ${APPLICATION_ID}`);
  });
  claim.immediate();
}
