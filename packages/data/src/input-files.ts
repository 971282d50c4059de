import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import type { InputFile } from "./document.ts";
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

/** Size and checksum of each file, read once. @throws {DataError} `DATA_FILE_NOT_FOUND` */
export async function hashInputFiles(files: readonly FoundFile[]): Promise<InputFile[]> {
  const inputs: InputFile[] = [];
  for (const { path, name } of files) {
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
        hash.update(chunk as Buffer);
        bytes += (chunk as Buffer).length;
      }
    } catch (error) {
      throw unreadable(name, error);
    }
    inputs.push({ path: name, bytes, sha256: hash.digest("hex") });
  }
  return inputs;
}

export function unreadable(name: string, cause: unknown): DataError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new DataError("DATA_FILE_NOT_FOUND", `${name}: cannot be read (${code ?? message})`, { cause });
}
