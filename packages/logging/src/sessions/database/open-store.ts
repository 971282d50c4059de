import { fold } from "./select-events.ts";
import { type OpenSessionDatabaseOptions, openSessionDatabase, toDatabaseError } from "./session-database.ts";
import { SessionStore } from "./session-store.ts";
import { SessionView } from "./session-view.ts";

/** The database as it is: nothing is read from session files. */
export async function openStore(path: string, options: OpenSessionDatabaseOptions = {}): Promise<SessionStore> {
  const database = await openSessionDatabase(path, options).catch((error: unknown) => {
    throw toDatabaseError(error, path);
  });
  database.connection.function("fold", { deterministic: true }, (text) => fold(String(text)));
  return new SessionStore(database, new SessionView(database.connection));
}
