import { type FileHandle, mkdir, open, readdir, rename, rmdir, stat, statfs, unlink } from "node:fs/promises";
import type { DurableFile, DurableFs } from "./durable-fs.ts";
import { errnoOf } from "./errors.ts";

/** The real disk, through `node:fs/promises`. */
export const nodeFs: DurableFs = {
  open: async (path, flags) => new NodeFile(await open(path, flags === "wx" ? "wx+" : flags)),
  rename,
  unlink,
  rmdir,
  async fsyncDir(path) {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, "r");
      await handle.sync();
    } catch (error) {
      if (!cannotSyncDirectories(error)) throw error;
    } finally {
      await handle?.close();
    }
  },
  async mkdir(path) {
    await mkdir(path);
  },
  async readdir(path) {
    return (await readdir(path)).sort();
  },
  async stat(path) {
    const status = await stat(path);
    return { kind: status.isFile() ? "file" : status.isDirectory() ? "directory" : "other", size: status.size };
  },
  async statfs(path) {
    const status = await statfs(path);
    return { freeBytes: status.bavail * status.bsize };
  },
};

/** Windows refuses to sync a directory, and some network file systems do not know how: their renames are what they are. */
function cannotSyncDirectories(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "EINVAL" || (process.platform === "win32" && (errno === "EPERM" || errno === "EISDIR"));
}

class NodeFile implements DurableFile {
  readonly #handle: FileHandle;
  constructor(handle: FileHandle) {
    this.#handle = handle;
  }
  async read(target: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(target, 0, target.byteLength, position)).bytesRead;
  }
  async write(bytes: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.byteLength, position)).bytesWritten;
  }
  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }
  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }
  fsync(): Promise<void> {
    return this.#handle.sync();
  }
  close(): Promise<void> {
    return this.#handle.close();
  }
}
