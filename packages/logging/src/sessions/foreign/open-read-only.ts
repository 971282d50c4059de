import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDirectory, nodeFs, removeTree, temporaryPath, writeFileDurably } from "@codex/storage";
import Database from "better-sqlite3";
import { LoggingError } from "../../errors.ts";
import { openFailure } from "../../sqlite/open-database.ts";

/** A connection that only reads, and what is to be done when it is no longer needed. */
export interface ReadOnlyDatabase {
  readonly database: Database.Database;
  close(): Promise<void>;
}

/** Byte 18 of the header: 2 is write-ahead log. */
const WRITE_VERSION_OFFSET = 18;
const WRITE_AHEAD = 2;
/** Node reads no larger file at once. */
const MAX_BYTES_IN_MEMORY = 2 ** 31 - 1;

/**
 * Opens a database of another program. Nothing is written to it, and no file is left beside it, which SQLite itself would do for one with a write-ahead log even when it
 * only reads: such a database is read from memory, or from a copy where its log is not empty. Where its owner has it open, it is opened in place.
 *
 * @throws {LoggingError} `LOGGING_DATABASE_INVALID`, `LOGGING_SQLITE_UNSUITABLE`
 */
export async function openReadOnly(path: string): Promise<ReadOnlyDatabase> {
  const kind = {
    applicationId: 0,
    name: "a database",
    code: "LOGGING_DATABASE_INVALID",
    help: "Expected a file of SQLite.",
    synchronous: "NORMAL",
  } as const;
  try {
    return await open(path);
  } catch (cause) {
    if (cause instanceof LoggingError) throw cause;
    throw openFailure(cause as Error, path, kind);
  }
}

async function open(path: string): Promise<ReadOnlyDatabase> {
  const size = statSync(path).size;
  const log = `${path}-wal`;
  if (!usesWriteAheadLog(path) || existsSync(`${path}-shm`)) return inPlace(path);
  if (existsSync(log) && statSync(log).size > 0) return fromCopy(path, log);
  if (size > MAX_BYTES_IN_MEMORY) return inPlace(path);
  const bytes = readFileSync(path);
  // A database in memory has no log; the pages are the same.
  bytes[WRITE_VERSION_OFFSET] = 1;
  bytes[WRITE_VERSION_OFFSET + 1] = 1;
  return connection(new Database(bytes, { readonly: true }));
}

function inPlace(path: string): ReadOnlyDatabase {
  return connection(new Database(path, { readonly: true, fileMustExist: true }));
}

/** Its owner was killed: SQLite has to take over the log, and may do so in a copy. */
async function fromCopy(path: string, log: string): Promise<ReadOnlyDatabase> {
  const folder = temporaryPath(join(tmpdir(), "codex-database"));
  const remove = () => removeTree(folder, nodeFs);
  try {
    await makeDirectory(folder);
    const copy = join(folder, "copy.db");
    await writeFileDurably(copy, readFileSync(path));
    await writeFileDurably(`${copy}-wal`, readFileSync(log));
    return connection(new Database(copy, { fileMustExist: true }), remove);
  } catch (error) {
    await remove().catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

function connection(database: Database.Database, after: () => Promise<void> = async () => {}): ReadOnlyDatabase {
  try {
    database.pragma("trusted_schema = OFF"); // a view of a stranger's runs no function with effects
    database.pragma("query_only = ON");
    database.prepare("select count(*) from sqlite_master").get(); // says now whether this is a database
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    database,
    close() {
      database.close();
      return after();
    },
  };
}

function usesWriteAheadLog(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const header = Buffer.alloc(20);
    return readSync(file, header, 0, 20, 0) === 20 && header[WRITE_VERSION_OFFSET] === WRITE_AHEAD;
  } finally {
    closeSync(file);
  }
}
