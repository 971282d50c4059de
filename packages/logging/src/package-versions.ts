import { createHash } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The file that pins the versions of everything that is installed. */
export interface LockfileHash {
  /** File name, without its folder. */
  readonly name: string;
  readonly sha256: string;
}

const LOCKFILES = ["pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "bun.lock"];

/** The nearest lockfile in this folder or above; null when there is none. */
export async function hashLockfile(directory: string): Promise<LockfileHash | null> {
  for (let folder = await realpath(directory); ; folder = dirname(folder)) {
    for (const name of LOCKFILES) {
      const contents = await readFile(join(folder, name)).catch(() => undefined);
      if (contents !== undefined) return { name, sha256: createHash("sha256").update(contents).digest("hex") };
    }
    if (dirname(folder) === folder) return null;
  }
}

/**
 * Versions of the packages in these folders and of those of their dependencies that are installed, by name, sorted.
 *
 * @param directories - the folders of packages: of the user's project, of whoever writes the manifest
 */
export async function readPackageVersions(directories: readonly string[]): Promise<Record<string, string>> {
  const versions = new Map<string, string>();
  for (const given of directories) {
    const directory = await realpath(given);
    const json = await readJson(join(directory, "package.json"));
    if (json === undefined) continue;
    if (typeof json["name"] === "string" && typeof json["version"] === "string")
      versions.set(json["name"], json["version"]);
    const names = Object.keys({ ...asRecord(json["dependencies"]), ...asRecord(json["optionalDependencies"]) });
    for (const name of names) {
      const version = (await readInstalled(name, directory))?.["version"];
      if (typeof version === "string") versions.set(name, version);
    }
  }
  return Object.fromEntries([...versions].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readInstalled(name: string, from: string): Promise<Record<string, unknown> | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    const json = await readJson(join(folder, "node_modules", name, "package.json"));
    if (json !== undefined || dirname(folder) === folder) return json;
  }
}

/** A `package.json` that cannot be read has no version to record. */
async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return asRecord(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
