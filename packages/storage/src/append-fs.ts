import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { errnoOf } from "./errors.ts";

/**
 * The calls for a file that several processes append to. They are synchronous, but for the one that waits for the disk: an
 * append goes to the system's cache in microseconds, and a process that is ending has no time for anything else.
 *
 * Calls throw errors whose `code` is the errno name ("ENOSPC"), as those of `node:fs` do.
 */
export interface AppendFs {
  /** Opens a file, or creates it and the folders above it. */
  openAppend(path: string): AppendFile;
}

export interface AppendFile {
  /** Writes at the end, wherever other processes have moved it. Bytes written, which may be fewer than given. */
  append(bytes: Uint8Array): number;
  /** Writes over bytes that are there. */
  overwrite(bytes: Uint8Array, position: number): number;
  /** Bytes read, which may be fewer than asked for; 0 at the end. */
  read(target: Uint8Array, position: number): number;
  size(): number;
  /** Whether the path still names this file: it may have been deleted or replaced meanwhile. */
  isCurrent(): boolean;
  /** Makes contents, size and name survive a power loss. */
  fsync(): Promise<void>;
  fsyncSync(): void;
  /** Not while an `fsync` is under way. */
  close(): void;
}

const syncData = promisify(fdatasync);

/** The real disk. */
export const nodeAppendFs: AppendFs = {
  openAppend(path) {
    const absolute = resolve(path);
    const folders = makeFolders(dirname(absolute));
    const descriptor = openSync(absolute, "a+", 0o600);
    const { dev, ino, size } = fstatSync(descriptor);
    if (size === 0) folders.push(dirname(absolute)); // it may be new: its name is not safe yet
    return new NodeAppendFile(absolute, descriptor, { dev, ino }, folders);
  },
};

class NodeAppendFile implements AppendFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #identity: { dev: number; ino: number };
  /** Folders whose entries are not safe yet. */
  #folders: string[];

  constructor(path: string, descriptor: number, identity: { dev: number; ino: number }, folders: string[]) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#identity = identity;
    this.#folders = folders;
  }
  append(bytes: Uint8Array): number {
    return writeSync(this.#descriptor, bytes);
  }
  overwrite(bytes: Uint8Array, position: number): number {
    // A descriptor that appends does so whatever position it is given.
    const descriptor = openSync(this.#path, constants.O_WRONLY);
    try {
      const { dev, ino } = fstatSync(descriptor);
      if (dev !== this.#identity.dev || ino !== this.#identity.ino) return bytes.byteLength; // no longer this file
      return writeSync(descriptor, bytes, 0, bytes.byteLength, position);
    } finally {
      closeSync(descriptor);
    }
  }
  read(target: Uint8Array, position: number): number {
    return readSync(this.#descriptor, target, 0, target.byteLength, position);
  }
  size(): number {
    return fstatSync(this.#descriptor).size;
  }
  isCurrent(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found !== undefined && found.ino === this.#identity.ino && found.dev === this.#identity.dev;
  }
  async fsync(): Promise<void> {
    this.#syncFolders();
    await syncData(this.#descriptor);
  }
  fsyncSync(): void {
    this.#syncFolders();
    fdatasyncSync(this.#descriptor);
  }
  close(): void {
    closeSync(this.#descriptor);
  }

  /** Once a file, and folders are small: not worth a thread. */
  #syncFolders(): void {
    for (const folder of this.#folders) syncFolder(folder);
    this.#folders = [];
  }
}

/** @returns the parents of the folders that were made */
function makeFolders(path: string): string[] {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return [];
  const parents: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    parents.push(dirname(at));
    if (at === first || at === dirname(at)) return parents;
  }
}

function syncFolder(path: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    fsyncSync(descriptor);
  } catch (error) {
    // Windows refuses to sync a folder, some network file systems do not know how, and a folder may be deleted meanwhile.
    const errno = errnoOf(error);
    if (errno !== "EINVAL" && errno !== "ENOENT" && !(process.platform === "win32" && errno === "EPERM")) throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
