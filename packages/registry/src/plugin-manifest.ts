/** The `codex` field of a plugin's `package.json`: the whole of what a plugin declares. Nothing is loaded to read it. */
import { RegistryError } from "./errors.ts";
import { isRecord } from "./installed-packages.ts";

/** The only version of the plugin interface so far. */
export const API_VERSION = "v1";

export interface EntryPoint {
  readonly kind: string;
  readonly name: string;
  /** `./dist/index.js#myModel` */
  readonly target: string;
}

/** Entry points are given as far as they can be read even where something is wrong: their names belong to the plugin. */
export interface PluginManifest {
  /** Sorted by kind, then name. */
  readonly entryPoints: readonly EntryPoint[];
  readonly problem?: RegistryError;
}

/** @param where - names the `package.json` in messages */
export function parsePluginManifest(codex: unknown, where: string): PluginManifest {
  if (!isRecord(codex)) return { entryPoints: [], problem: invalid(where, `"codex" must be an object`) };
  const entryPoints: EntryPoint[] = [];
  let problem = checkKeys(codex, where) ?? checkApiVersion(codex["apiVersion"], where);
  const kinds = isRecord(codex["entryPoints"]) ? codex["entryPoints"] : {};
  if (!isRecord(codex["entryPoints"])) problem ??= invalid(where, `"codex.entryPoints" must be an object of kinds`);
  for (const kind of Object.keys(kinds).sort()) {
    const names = kinds[kind];
    if (!isRecord(names)) {
      problem ??= invalid(where, `"codex.entryPoints.${kind}" must be an object of names`);
      continue;
    }
    for (const name of Object.keys(names).sort()) {
      const target = names[name];
      if (typeof target === "string") entryPoints.push({ kind, name, target });
      else problem ??= invalid(where, `"codex.entryPoints.${kind}.${name}" must be a string`);
    }
  }
  return { entryPoints, ...(problem === undefined ? {} : { problem }) };
}

function checkKeys(codex: Record<string, unknown>, where: string): RegistryError | undefined {
  const unknown = Object.keys(codex).find((key) => key !== "apiVersion" && key !== "entryPoints");
  return unknown === undefined
    ? undefined
    : invalid(where, `"codex" has the keys "apiVersion" and "entryPoints", got "${unknown}"`);
}

function checkApiVersion(apiVersion: unknown, where: string): RegistryError | undefined {
  if (apiVersion === API_VERSION) return undefined;
  return new RegistryError(
    "REGISTRY_API_VERSION",
    `${where}: expected "codex.apiVersion" to be "${API_VERSION}", ${apiVersion === undefined ? "it is missing" : `got ${JSON.stringify(apiVersion)}`}`,
    { help: `This version of Codex loads plugins of API version "${API_VERSION}" only.` },
  );
}

function invalid(where: string, rule: string): RegistryError {
  return new RegistryError("REGISTRY_MANIFEST_INVALID", `${where}: ${rule}`, {
    help: `Expected { "apiVersion": "${API_VERSION}", "entryPoints": { "models": { "my-model": "./dist/index.js#myModel" } } }.`,
  });
}
