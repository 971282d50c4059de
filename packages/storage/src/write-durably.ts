/**
 * The write protocol: a new name beside the target, every file synced, the rename, the directory synced. A reader, a
 * `kill -9` or a power loss sees what was there before or all of what is there now.
 */
import { dirname } from "node:path";
import type { DurableFs } from "./durable-fs.ts";
import { errnoOf, StorageError, toStorageError } from "./errors.ts";
import { FileWriter, type WrittenFile } from "./file-writer.ts";
import { nodeFs } from "./node-fs.ts";
import { removeTree, temporaryPath } from "./temporary.ts";

export interface StorageOptions {
  /** Where to write; default: the real disk. */
  fs?: DurableFs;
}

/**
 * Creates or replaces one file.
 *
 * @param contents - text (stored as UTF-8), bytes, or a function that streams into the writer it is given
 * @throws {StorageError} `STORAGE_DISK_FULL` and others; the file then is as it was before
 */
export async function writeFileDurably(
  path: string,
  contents: string | Uint8Array | ((writer: FileWriter) => Promise<void>),
  { fs = nodeFs }: StorageOptions = {},
): Promise<WrittenFile> {
  const temporary = temporaryPath(path);
  const writer = await FileWriter.create(temporary, { fs });
  try {
    if (typeof contents === "function") await contents(writer);
    else await writer.write(contents);
    const written = await writer.finish();
    await fs.rename(temporary, path);
    await fs.fsyncDir(dirname(path));
    return written;
  } catch (error) {
    await writer.abort();
    await removeLeftover(temporary, fs);
    throw toStorageError(error, "write", path);
  }
}

/**
 * Creates a directory with all its contents, or nothing.
 *
 * @param fill - writes into the staging directory it is given, through `FileWriter` or `writeFileDurably` (which sync
 *   files); subdirectories are allowed
 * @throws {StorageError} `STORAGE_EXISTS` when the target is there, `STORAGE_DISK_FULL`, ...; nothing is left behind
 */
export async function commitDirectory<T>(
  path: string,
  fill: (staging: string) => Promise<T>,
  { fs = nodeFs }: StorageOptions = {},
): Promise<T> {
  if (await exists(path, fs)) {
    throw new StorageError("STORAGE_EXISTS", `${path}: already there; a committed directory is never overwritten`);
  }
  const staging = temporaryPath(path);
  try {
    await fs.mkdir(staging);
    const result = await fill(staging);
    await syncDirectories(staging, fs);
    await fs.rename(staging, path);
    await fs.fsyncDir(dirname(path));
    return result;
  } catch (error) {
    await removeLeftover(staging, fs);
    throw toStorageError(error, "write", path);
  }
}

/**
 * Creates a directory and the missing ones above it, durably. Does nothing when it is there.
 * @throws {StorageError} `STORAGE_EXISTS` if there is a file in its place
 */
export async function makeDirectory(path: string, { fs = nodeFs }: StorageOptions = {}): Promise<void> {
  try {
    if (await exists(path, fs)) {
      if ((await fs.stat(path)).kind === "directory") return;
      throw new StorageError("STORAGE_EXISTS", `${path}: expected a directory, there is a file of that name`);
    }
    const parent = dirname(path);
    if (parent !== path) await makeDirectory(parent, { fs });
    await fs.mkdir(path).catch((error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw error; // another process was faster
    });
    await fs.fsyncDir(parent);
  } catch (error) {
    throw toStorageError(error, "create", path);
  }
}

/** Whether there is a file or directory. */
export async function exists(path: string, fs: DurableFs = nodeFs): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw toStorageError(error, "inspect", path);
  }
}

async function syncDirectories(path: string, fs: DurableFs): Promise<void> {
  for (const name of await fs.readdir(path)) {
    const child = `${path}/${name}`;
    if ((await fs.stat(child)).kind === "directory") await syncDirectories(child, fs);
  }
  await fs.fsyncDir(path);
}

/** After a failure: tidy up if the disk lets us. What stays has a temporary name, which is ignored and swept later. */
async function removeLeftover(path: string, fs: DurableFs): Promise<void> {
  await removeTree(path, fs).catch(() => {});
}
