import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { DurableFs } from "./durable-fs.ts";
import { errnoOf, toStorageError } from "./errors.ts";
import { nodeFs } from "./node-fs.ts";

/** A name beside `path`, hence on the same file system, that `isTemporary` recognizes. */
export function temporaryPath(path: string): string {
  return `${path}.tmp-${randomUUID()}`;
}

/** True for names that `temporaryPath` makes: what a killed process may leave behind, safe to delete. */
export function isTemporary(name: string): boolean {
  return /\.tmp-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(name);
}

/** Deletes a file, or a directory with all it holds. Not atomic: rename to a `temporaryPath` first where that matters. */
export async function removeTree(path: string, fs: DurableFs): Promise<void> {
  if ((await fs.stat(path)).kind !== "directory") return fs.unlink(path);
  for (const name of await fs.readdir(path)) await removeTree(`${path}/${name}`, fs);
  await fs.rmdir(path);
}

/**
 * Deletes what killed writers left in a directory. Hold its lock: a writer at work loses what it has not committed (and is
 * told: the rename that comes first sees to it that it cannot commit the rest).
 *
 * @throws {StorageError} `STORAGE_NOT_FOUND`, ...
 */
export async function sweepTemporary(directory: string, { fs = nodeFs }: { fs?: DurableFs } = {}): Promise<void> {
  try {
    for (const name of await fs.readdir(directory)) {
      if (!isTemporary(name)) continue;
      const doomed = temporaryPath(join(directory, "swept"));
      try {
        await fs.rename(join(directory, name), doomed);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") continue; // its writer committed it, or gave up
        throw error;
      }
      await removeTree(doomed, fs);
    }
  } catch (error) {
    throw toStorageError(error, "sweep", directory);
  }
}
