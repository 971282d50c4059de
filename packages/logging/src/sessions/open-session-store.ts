import type { ImportedFile, SessionStore } from "./database/session-store.ts";
import { sessionDatabasePath, sessionDirectory } from "./session-paths.ts";

export interface OpenSessionStoreOptions {
  /** The database; `:memory:` for one that is gone afterwards. Default: `sessionDatabasePath()`. */
  readonly database?: string;
  /** Folder of session files that the database follows, or false for none. Default: `sessionDirectory()`. */
  readonly directory?: string | false;
  /** Milliseconds that a call waits for other writers of the database, holding up the event loop. Default: 30,000. */
  readonly timeout?: number;
  /** Told of each session file that something was read from. */
  readonly onImported?: (file: ImportedFile) => void;
}

/**
 * Opens or creates the database of sessions and brings it up to date with the session files: what a killed process logged and
 * could not store is in it, too. Needs `better-sqlite3` and `kysely`. The caller closes it, or uses `await using`.
 *
 * @throws {LoggingError} `LOGGING_SQLITE_UNSUITABLE`, `LOGGING_DATABASE_INVALID`, `LOGGING_DATABASE_FAILED` (locked for too long, ...)
 */
export async function openSessionStore(options: OpenSessionStoreOptions = {}): Promise<SessionStore> {
  const { database = sessionDatabasePath(), directory = sessionDirectory(), timeout, onImported } = options;
  const { openStore } = await import("./database/open-store.ts");
  const store = await openStore(database, timeout === undefined ? {} : { timeout });
  try {
    if (directory !== false) for (const file of await store.importDirectory(directory)) onImported?.(file);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
