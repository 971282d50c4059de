import { fold } from "./select-events.ts";
import { openSessionDatabase } from "./session-database.ts";
import { SessionStore } from "./session-store.ts";
import { SessionView } from "./session-view.ts";

/** The database as it is: nothing is read from session files. */
export async function openStore(path: string): Promise<SessionStore> {
  const database = await openSessionDatabase(path);
  database.connection.function("fold", { deterministic: true }, (text) => fold(String(text)));
  return new SessionStore(database, new SessionView(database.connection));
}
