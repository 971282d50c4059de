/**
 * An entry point is `<path>#<export>`. The path starts with `./`. If it is a key of the package's `exports` map it is
 * that subpath and goes through Node's conditions (`./registry#gpt2`); otherwise it is a file of the package
 * (`./dist/index.js#myModel`). The first form reads the sources in a workspace and the build when published.
 */
import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { RegistryError } from "./errors.ts";
import { type InstalledPackage, isRecord } from "./installed-packages.ts";
import { assertEntry, type RegistryEntry } from "./registry.ts";

export interface ResolvedTarget {
  /** Real path of the module, inside the package. */
  readonly file: string;
  readonly exportName: string;
}

/**
 * Conditions under which a package's `exports` map is read: Node's for `import`, and the workspace's own one exactly
 * when this module itself runs from its source, so that a workspace never mixes sources and builds.
 */
const CONDITIONS: ReadonlySet<string> = new Set([
  ...(import.meta.url.endsWith(".ts") ? ["@codex/source"] : []),
  ...["node", "import", "module-sync", "default"],
]);

const TARGET = /^(\.\/[^#?\0\\]+)#([A-Za-z_$][\w$]*)$/;

/** @throws {RegistryError} `REGISTRY_TARGET_INVALID`, `REGISTRY_MODULE_MISSING`; both start with `where` */
export async function resolveTarget(plugin: InstalledPackage, target: string, where: string): Promise<ResolvedTarget> {
  const [, path, exportName] = TARGET.exec(target) ?? [];
  if (path === undefined || exportName === undefined) {
    throw new RegistryError(
      "REGISTRY_TARGET_INVALID",
      `${where}: expected "./path/in/the/package.js#exportName", got ${JSON.stringify(target)}`,
    );
  }
  const mapped = exportedPath(plugin.json.exports, path) ?? path;
  const file = await realpath(join(plugin.directory, mapped)).catch(() => undefined);
  if (file === undefined || !(await stat(file)).isFile()) {
    throw new RegistryError("REGISTRY_MODULE_MISSING", `${where}: there is no file ${mapped} in ${plugin.directory}`, {
      help: "Was the plugin built, and does its package.json list the folder under `files`?",
    });
  }
  const inside = relative(plugin.directory, file);
  if (inside.startsWith("..") || isAbsolute(inside)) {
    throw new RegistryError(
      "REGISTRY_TARGET_INVALID",
      `${where}: expected a file inside ${plugin.directory}, ${target} leads to ${file}`,
    );
  }
  return { file, exportName };
}

/** @throws {RegistryError} `REGISTRY_MODULE_FAILED` (`cause` is what the module threw), `REGISTRY_EXPORT_MISSING`, `REGISTRY_ENTRY_INVALID` */
export async function loadTarget({ file, exportName }: ResolvedTarget, where: string): Promise<RegistryEntry> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new RegistryError("REGISTRY_MODULE_FAILED", `${where}: loading ${file} failed: ${reason}`, { cause });
  }
  if (!Object.hasOwn(module, exportName)) {
    const exported = Object.keys(module).sort().join(", ");
    throw new RegistryError(
      "REGISTRY_EXPORT_MISSING",
      `${where}: expected ${file} to export "${exportName}", it exports ${exported === "" ? "nothing" : exported}`,
    );
  }
  const entry = module[exportName];
  assertEntry(entry, where);
  return entry;
}

/** The path behind a subpath of an `exports` map (exact keys; patterns are not followed), or undefined. */
function exportedPath(exports: unknown, subpath: string): string | undefined {
  return isRecord(exports) && Object.hasOwn(exports, subpath) ? firstMatch(exports[subpath]) : undefined;
}

/** Node's rule: the first condition, in the order of the map, that applies and leads to a path. */
function firstMatch(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(firstMatch).find((path) => path !== undefined);
  if (!isRecord(value)) return undefined;
  for (const [condition, next] of Object.entries(value)) {
    if (!CONDITIONS.has(condition)) continue;
    const path = firstMatch(next);
    if (path !== undefined) return path;
  }
  return undefined;
}
