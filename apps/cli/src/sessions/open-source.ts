/** Where `codex sessions` reads: the session store, or a database of another program. */
import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import type { ForeignDatabase } from "@codex/logging/session-tools";
import type { SessionEvent, SessionQuery, SessionStore } from "@codex/logging/sessions";

export interface SourceFlags {
  readonly db?: string;
  readonly directory?: string;
  readonly table?: string;
}

/** Something that answers questions about events. The caller closes it, or uses `await using`. */
export interface SessionSource extends AsyncDisposable {
  readonly path: string;
  query(query: SessionQuery): Promise<readonly SessionEvent[]>;
}

/** No session database where one was looked for. */
export class NoSessionsError extends Error {
  override readonly name = "NoSessionsError";
  readonly code = "LOGGING_SESSIONS_NOT_FOUND";
  readonly help =
    "Name a database with --db, or a folder of session files with --directory; `codex sessions init-sample` makes an example.";
}

/** Where databases of other programs are looked for when nothing was named and there are no session files. */
const LIKELY_DATABASES = ["data/logs.sqlite", "data/logs.db", "logs.db", "data/codex.db", "codex.db"];
const LIKELY_FOLDERS = [".codex", "data", "."];

/** The session store with its files; made where it is missing if there are session files. @throws {NoSessionsError} */
export async function openStore(flags: SourceFlags): Promise<SessionStore> {
  const { openSessionStore, sessionDatabasePath, sessionDirectory } = await import("@codex/logging/sessions");
  const database = flags.db ?? sessionDatabasePath();
  const directory = flags.directory ?? sessionDirectory();
  if (!existsSync(database) && !existsSync(directory)) {
    throw new NoSessionsError(`sessions: expected ${database} or session files in ${directory}, found neither`);
  }
  return openSessionStore({ database, directory });
}

/** A store, or any database that holds something like session events, which is only read. @throws {NoSessionsError} */
export async function openSource(flags: SourceFlags): Promise<SessionSource> {
  const path = flags.table === undefined ? foreignPath(flags) : flags.db;
  if (path === undefined) {
    const store = await openStore(flags);
    return { path: store.path, query: (query) => store.query(query), [Symbol.asyncDispose]: () => store.close() };
  }
  if (!existsSync(path)) throw new NoSessionsError(`--db: expected a database, there is no ${path}`);
  const { ForeignDatabase: Foreign } = await import("@codex/logging/session-tools");
  const foreign: ForeignDatabase = await Foreign.open(path, flags.table === undefined ? {} : { table: flags.table });
  return {
    path,
    query: async (query) => foreign.query(query),
    [Symbol.asyncDispose]: () => foreign.close(),
  };
}

/** The database to read as a stranger's: a named one that is none of ours, or what lies about where we have nothing. */
function foreignPath({ db, directory }: SourceFlags): string | undefined {
  if (db !== undefined) return isFollowingStore(db) || (directory !== undefined && !existsSync(db)) ? undefined : db;
  if (directory !== undefined || existsSync(".codex/sessions") || existsSync(".codex/session_logs.db"))
    return undefined;
  if (process.env["CODEX_SESSION_LOG_DIR"] || process.env["CODEX_LOG_DB_PATH"] || process.env["CODEX_DB_PATH"])
    return undefined;
  return LIKELY_DATABASES.find((path) => existsSync(path)) ?? anyDatabase();
}

function anyDatabase(): string | undefined {
  for (const folder of LIKELY_FOLDERS) {
    if (!existsSync(folder)) continue;
    const name = readdirSync(folder)
      .sort()
      .find((entry) => /\.(?:db|sqlite)$/.test(entry));
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

const APPLICATION_ID = 0x43445873; // "CDXs", as the session store writes it into the header
const HEADER_BYTES = 72;

/** A store that may be brought up to date. A snapshot has the same id and no write-ahead log: it is only read. */
function isFollowingStore(path: string): boolean {
  if (!existsSync(path)) return false;
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, "r");
  try {
    if (readSync(file, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return false;
  } finally {
    closeSync(file);
  }
  return header.readUInt32BE(68) === APPLICATION_ID && header[18] === 2;
}
