/**
 * One writer per directory. The lock is a file `.lock-<n>.json` that says who holds it; the highest number counts.
 *
 * Taking over creates number n + 1, which exactly one of several processes can do, and only then deletes the lower
 * ones; releasing renames the file to `.lock-<n>.released.json` and leaves it, so that numbers never repeat. That is
 * what makes the takeover of a dead process's lock safe: deleting a stale lock and creating a new one of the same name
 * would let a slow third process delete the new one. Whoever created n + 1 looks again, and stands back when there is
 * another file with that number or a higher one: it had acted on a list that was out of date.
 *
 * Not for network file systems, where neither exclusive creation nor the check for a running process can be trusted.
 */
import { randomUUID } from "node:crypto";
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, StorageError, toStorageError } from "./errors.ts";
import { identifyThisProcess, mayBeRunning, type ProcessIdentity } from "./process-identity.ts";
import { temporaryPath } from "./temporary.ts";

export interface LockOwner extends ProcessIdentity {
  /** When the lock was taken, ISO 8601 in UTC. */
  readonly acquiredAt: string;
  /** Tells this acquisition from any other. */
  readonly token: string;
}

/** `using lock = await acquireLock(directory)` releases at the end of the block; so does `lock.release()`. */
export interface DirectoryLock extends Disposable, AsyncDisposable {
  readonly path: string;
  readonly owner: LockOwner;
  /** Lets the next one in. Does nothing the second time. */
  release(): void;
}

export class LockedError extends StorageError {
  /** Who holds the lock; undefined when the file does not say. */
  readonly owner: LockOwner | undefined;
  constructor(directory: string, lockPath: string, owner: LockOwner | undefined) {
    const by = owner
      ? `by process ${owner.pid} on host ${owner.host} since ${owner.acquiredAt}`
      : "by an unknown process";
    super("STORAGE_LOCKED", `${directory}: expected to be free, is in use ${by}`, {
      help: `Wait for it or stop it. If you are sure that it no longer runs, delete ${lockPath} and try again.`,
    });
    this.owner = owner;
  }
}

/**
 * Takes the lock of an existing directory, or fails at once. A lock whose process is gone (same host; a reused pid is
 * recognized on Linux by its start time) is taken over.
 *
 * @throws {LockedError} `STORAGE_LOCKED` with pid, host and how to break it
 * @throws {StorageError} `STORAGE_NOT_FOUND`, `STORAGE_PERMISSION_DENIED`, ...
 */
export async function acquireLock(directory: string): Promise<DirectoryLock> {
  try {
    for (;;) {
      const found = listLocks(directory);
      const current = found.at(-1);
      if (current !== undefined && !current.released) {
        const owner = readOwner(current.path);
        if (owner === "unreadable") throw new LockedError(directory, current.path, undefined);
        if (owner !== "gone" && mayBeRunning(owner)) throw new LockedError(directory, current.path, owner);
      }
      const generation = (current?.generation ?? 0) + 1;
      const path = join(directory, `.lock-${String(generation).padStart(6, "0")}.json`);
      const owner: LockOwner = { ...identifyThisProcess(), acquiredAt: new Date().toISOString(), token: randomUUID() };
      if (!createExclusively(path, `${JSON.stringify(owner)}\n`)) continue; // lost a race: see who won
      if (listLocks(directory).some((other) => other.path !== path && other.generation >= generation)) {
        rmSync(path, { force: true });
        continue;
      }
      for (const old of found) rmSync(old.path, { force: true });
      return new HeldLock(path, owner);
    }
  } catch (error) {
    throw toStorageError(error, "lock", directory);
  }
}

/**
 * Who holds the lock of a directory now; nobody when it is free, or when the process that took it is surely gone. Reads only.
 *
 * @throws {StorageError} `STORAGE_NOT_FOUND`, `STORAGE_PERMISSION_DENIED`, ...
 */
export function lockHolder(directory: string): LockOwner | undefined {
  try {
    const current = listLocks(directory).at(-1);
    if (current === undefined || current.released) return undefined;
    const owner = readOwner(current.path);
    return typeof owner === "string" || !mayBeRunning(owner) ? undefined : owner;
  } catch (error) {
    throw toStorageError(error, "read", directory);
  }
}

class HeldLock implements DirectoryLock {
  readonly path: string;
  readonly owner: LockOwner;
  #held = true;
  constructor(path: string, owner: LockOwner) {
    this.path = path;
    this.owner = owner;
  }
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    const owner = readOwner(this.path);
    if (typeof owner === "string" || owner.token !== this.owner.token) return; // broken by hand: no longer ours
    renameSync(this.path, this.path.replace(/\.json$/, ".released.json"));
  }
  [Symbol.dispose](): void {
    this.release();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }
}

/** Lock files, lowest number first. */
function listLocks(directory: string): { path: string; generation: number; released: boolean }[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const [, digits, released] = /^\.lock-(\d{6,15})(\.released)?\.json$/.exec(name) ?? [];
      if (digits === undefined) return [];
      return [{ path: join(directory, name), generation: Number(digits), released: released !== undefined }];
    })
    .sort((a, b) => a.generation - b.generation);
}

function readOwner(path: string): LockOwner | "gone" | "unreadable" {
  try {
    const owner: LockOwner = JSON.parse(readFileSync(path, "utf8"));
    return Number.isSafeInteger(owner.pid) && typeof owner.host === "string" ? owner : "unreadable";
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? "gone" : "unreadable";
  }
}

/** Creates a file with its contents in one step: a hard link to a finished file, so that nobody reads it half-written. */
function createExclusively(path: string, contents: string): boolean {
  const temporary = temporaryPath(path);
  try {
    writeFileSync(temporary, contents, { flag: "wx" });
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") throw error;
      writeFileSync(path, contents, { flag: "wx" }); // a file system without hard links (FAT)
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
