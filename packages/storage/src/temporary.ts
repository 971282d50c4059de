import { randomUUID } from "node:crypto";
import type { DurableFs } from "./durable-fs.ts";

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
