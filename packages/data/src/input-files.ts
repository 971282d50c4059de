import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import type { InputFile, InputOptions } from "./document.ts";
import { DataError } from "./errors.ts";

/** A file to read, and its name in messages and manifests. */
export interface FoundFile {
  readonly path: string;
  readonly name: string;
}

/**
 * The files behind paths, folders and globs, each once, in the order of their names (by code unit, the same on every
 * machine). Of a folder: all files below it except hidden ones (`.git`, `.DS_Store`).
 *
 * @param paths - relative ones start at `directory`
 * @throws {DataError} `DATA_FILE_NOT_FOUND`
 */
export async function findInputFiles(paths: readonly string[], directory: string): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths) {
    const files = await filesOf(path, directory);
    if (files.length === 0) {
      throw new DataError("DATA_FILE_NOT_FOUND", `${path}: no file there (looked from ${directory})`, {
        help: isDynamicPattern(path)
          ? "The pattern matches no file. `*` stays within a folder, `**` goes through all of them."
          : "The folder holds no file, apart from hidden ones.",
      });
    }
    for (const file of files) found.set(file, { path: file, name: displayName(file, directory) });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The files that a text source would read, in its order, and their sizes on disk. None is opened.
 * @throws {DataError} `DATA_FILE_NOT_FOUND`
 */
export async function listInputFiles(
  paths: readonly string[],
  directory: string,
): Promise<{ readonly path: string; readonly bytes: number }[]> {
  const files = await findInputFiles(paths, directory);
  return Promise.all(files.map(async (file) => ({ path: file.name, bytes: (await stampOf(file)).bytes })));
}

async function filesOf(path: string, directory: string): Promise<string[]> {
  const absolute = resolve(directory, path);
  // A name that exists is that file, even where it could be read as a pattern (`notes [1].txt`).
  const stats = await stat(absolute).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw unreadable(path, error);
    return undefined;
  });
  // Links are followed: data folders are often full of them.
  const search = (pattern: string, cwd: string) => glob(pattern, { cwd, absolute: true, expandDirectories: false });
  if (stats?.isDirectory()) return (await search("**", absolute)).map((file) => resolve(file));
  if (stats !== undefined) return [absolute];
  if (isDynamicPattern(path)) return (await search(path, directory)).map((file) => resolve(file));
  throw new DataError("DATA_FILE_NOT_FOUND", `${path}: no such file or folder (looked for ${absolute})`, {
    help: "Relative paths start at the directory that the command was run in.",
  });
}

function displayName(file: string, directory: string): string {
  const below = relative(directory, file);
  return (below.startsWith("..") || isAbsolute(below) ? file : below).split(sep).join("/");
}

/** Size and checksum of each file. @throws {DataError} `DATA_FILE_NOT_FOUND` */
export type InputHasher = (files: readonly FoundFile[], options?: InputOptions) => Promise<InputFile[]>;

/** Remembers the checksums of files: one is read again only if its size or its times are others. */
export function createInputHasher(): InputHasher {
  const known = new Map<string, { stamp: string; sha256: string }>();
  return async (files, { signal, onProgress } = {}) => {
    const found = await Promise.all(files.map(async (file) => ({ ...file, ...(await stampOf(file)) })));
    const totalBytes = found.reduce((sum, file) => sum + file.bytes, 0);
    let bytes = 0;
    let reported = 0;
    const count = (more: number) => {
      signal?.throwIfAborted();
      bytes += more;
      if (bytes - reported < PROGRESS_BYTES) return;
      reported = bytes;
      onProgress?.({ bytes, totalBytes });
    };
    const inputs: InputFile[] = [];
    for (const file of found) {
      let entry = known.get(file.path);
      if (entry?.stamp !== file.stamp) {
        entry = { stamp: file.stamp, sha256: await hashFile(file, count) };
        known.set(file.path, entry);
      }
      inputs.push({ path: file.name, bytes: file.bytes, sha256: entry.sha256 });
    }
    return inputs;
  };
}

const PROGRESS_BYTES = 1 << 26;

/** Another one if the file was written to. */
async function stampOf({ path, name }: FoundFile): Promise<{ bytes: number; stamp: string }> {
  const { size, mtimeMs, ctimeMs } = await stat(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  return { bytes: size, stamp: `${size} ${mtimeMs} ${ctimeMs}` };
}

/** @param count - told of each piece; what it throws ends the reading */
async function hashFile({ path, name }: FoundFile, count: (bytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      hash.update(chunk as Buffer);
      count((chunk as Buffer).length);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error; // not the file's: what `count` threw
    throw unreadable(name, error);
  }
  return hash.digest("hex");
}

export function unreadable(name: string, cause: unknown): DataError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new DataError("DATA_FILE_NOT_FOUND", `${name}: cannot be read (${code ?? message})`, { cause });
}
