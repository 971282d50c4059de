import { dirname, resolve } from "node:path";
import { makeDirectory, nodeFs, temporaryPath, toStorageError } from "@codex/storage";
import Database from "better-sqlite3";
import type { SessionStore } from "./database/session-store.ts";

/**
 * Writes a copy of the database that never changes again: it has no write-ahead log, so that it opens with `immutable=1` (or read-only) and no
 * file appears beside it. It is there whole or not at all; one of that name is replaced.
 *
 * @throws {StorageError}
 */
export async function writeSessionSnapshot(store: SessionStore, path: string): Promise<void> {
  const temporary = temporaryPath(resolve(path));
  await makeDirectory(dirname(resolve(path)));
  try {
    await store.backup(temporary);
    const copy = new Database(temporary);
    copy.pragma("journal_mode = DELETE");
    copy.close();
    const file = await nodeFs.open(temporary, "r+");
    await file.fsync().finally(() => file.close());
    await nodeFs.rename(temporary, resolve(path));
    await nodeFs.fsyncDir(dirname(resolve(path)));
  } catch (error) {
    await nodeFs.unlink(temporary).catch(() => {}); // the first error is the one to tell
    throw toStorageError(error, "write", path);
  }
}
