import { errnoOf } from "./errors.ts";

/**
 * The few calls that durable storage is made of. Everything in this package, and every package that writes through it,
 * takes one of these, so that the fault harness (`@codex/storage/testing`) can stand in for the disk.
 *
 * Calls reject with an error whose `code` is the errno name ("ENOSPC"), as those of `node:fs` do.
 */
export interface DurableFs {
  /** `r` read; `r+` read and write, must exist; `wx` read and write, must not exist. */
  open(path: string, flags: OpenFlags): Promise<DurableFile>;
  /** Atomic. Replaces a file; onto a directory that is not empty it fails with ENOTEMPTY. */
  rename(from: string, to: string): Promise<void>;
  /** Makes the entries of a directory (creations, renames, removals) survive a power loss. */
  fsyncDir(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** One level; the parent must exist. */
  mkdir(path: string): Promise<void>;
  /** The directory must be empty. */
  rmdir(path: string): Promise<void>;
  /** Names, sorted. */
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<FileStatus>;
  /** Free bytes for this account on the file system that holds `path`. */
  statfs(path: string): Promise<{ freeBytes: number }>;
}

export type OpenFlags = "r" | "r+" | "wx";

export interface FileStatus {
  readonly kind: "file" | "directory" | "other";
  /** Size in bytes. */
  readonly size: number;
}

/** An open file. All access is positional: there is no hidden cursor. */
export interface DurableFile {
  /** Bytes read, which may be fewer than asked for; 0 at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Bytes written, which may be fewer than given: see `writeFully`. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  /** Makes contents and size survive a power loss (not the name: see `fsyncDir`). */
  fsync(): Promise<void>;
  close(): Promise<void>;
}

/** Writes all of `bytes`, going on after a short or an interrupted write. */
export async function writeFully(file: DurableFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    // One call takes at most 2 GiB - 4 KiB on Linux, and fails above 2 GiB on other systems.
    const piece = bytes.subarray(done, Math.min(bytes.byteLength, done + MAX_BYTES_PER_CALL));
    const written = await retryInterrupted(() => file.write(piece, position + done));
    if (written === 0) throw Object.assign(new Error("EIO: a write stored 0 bytes"), { code: "EIO" });
    done += written;
  }
}

/** Fills `target` from `position`; returns the bytes read, fewer only at the end of the file. */
export async function readFully(file: DurableFile, target: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < target.byteLength) {
    const piece = target.subarray(done, Math.min(target.byteLength, done + MAX_BYTES_PER_CALL));
    const read = await retryInterrupted(() => file.read(piece, position + done));
    if (read === 0) break;
    done += read;
  }
  return done;
}

const MAX_BYTES_PER_CALL = 64 * 1024 * 1024;
const MAX_INTERRUPTIONS = 100;

async function retryInterrupted(call: () => Promise<number>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (errnoOf(error) !== "EINTR" || attempt === MAX_INTERRUPTIONS) throw error;
    }
  }
}
