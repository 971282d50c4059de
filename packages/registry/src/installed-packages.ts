/**
 * Finds packages as Node does: from the real path of the folder that asks, `node_modules` of every folder on the way up.
 * That covers pnpm's symlinks and hoisting, and needs no `exports` map to let `package.json` out. (Yarn's Plug'n'Play
 * has no `node_modules`; it is not supported.)
 */
import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The parts of a `package.json` that are looked at. */
export interface PackageJson {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly exports?: unknown;
  readonly codex?: unknown;
  readonly dependencies?: unknown;
  readonly devDependencies?: unknown;
  readonly optionalDependencies?: unknown;
}

export interface InstalledPackage {
  /** Real path. */
  readonly directory: string;
  readonly json: PackageJson;
}

/**
 * The package that a folder belongs to: the nearest one upward. A folder that holds model weights is never taken for a
 * project, whatever else lies in it: code must not come from a checkpoint.
 */
export async function findProject(directory: string): Promise<InstalledPackage | undefined> {
  for (let folder = await realpath(directory); ; folder = dirname(folder)) {
    const json = await readPackageJson(folder);
    if (json !== undefined && !(await holdsWeights(folder))) return { directory: folder, json };
    if (dirname(folder) === folder) return undefined;
  }
}

/** Names of dependencies, sorted. Those for development count in the user's project only. */
export function dependencyNames(json: PackageJson, options: { development: boolean }): string[] {
  const fields = [json.dependencies, json.optionalDependencies, ...(options.development ? [json.devDependencies] : [])];
  return [...new Set(fields.flatMap((field) => (isRecord(field) ? Object.keys(field) : [])))].sort();
}

/** @param from - real path of the package that depends on it @returns undefined when it is not installed */
export async function findInstalled(name: string, from: string): Promise<InstalledPackage | undefined> {
  if (!PACKAGE_NAME.test(name)) return undefined;
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    const json = await readPackageJson(candidate);
    if (json !== undefined) return { directory: await realpath(candidate), json };
    if (dirname(folder) === folder) return undefined;
  }
}

/** A `package.json` that is not there, not readable or not JSON is no package: its own package manager would say so. */
export async function readPackageJson(directory: string): Promise<PackageJson | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const PACKAGE_NAME = /^(@[\w.~-]+\/)?[\w~-][\w.~-]*$/;

async function holdsWeights(directory: string): Promise<boolean> {
  return (await readdir(directory)).some((file) => file.endsWith(".safetensors"));
}
