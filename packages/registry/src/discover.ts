import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { RegistryError } from "./errors.ts";
import {
  dependencyNames,
  findInstalled,
  findProject,
  type InstalledPackage,
  readPackageJson,
} from "./installed-packages.ts";
import { type EntryPoint, parsePluginManifest } from "./plugin-manifest.ts";

/** One entry point of a plugin, and what is wrong with it, if anything is. */
export interface EntryPointReport extends EntryPoint {
  readonly problem?: RegistryError;
}

/** What is known of a plugin package. Reports are plain data: each stage gives new ones, with the problems it found. */
export interface PluginReport {
  readonly package: string;
  readonly version: string;
  /** Real path of the package. */
  readonly directory: string;
  /** Name of the package whose dependency it is. */
  readonly requestedBy: string;
  readonly entryPoints: readonly EntryPointReport[];
  /** A problem of the whole plugin: none of its entry points can be used. */
  readonly problem?: RegistryError;
}

export interface DiscoverOptions {
  /** The user's project: this folder or the nearest one above it that has a `package.json`. Without one there are no plugins of the user. */
  readonly projectDirectory: string;
  /**
   * Folders of packages whose dependencies are looked at too, before the project's: what ships with Codex is found
   * among the dependencies of `@codex/pipeline`.
   */
  readonly roots?: readonly string[];
}

/**
 * Finds the plugins among the direct dependencies of the project and of the roots, by the `codex` field of their
 * `package.json`. No code of a plugin runs, and the dependencies of a plugin are not looked at: a package can only be
 * used that the user (or Codex) named.
 *
 * @returns in order: roots as given, then the project; in each, by package name
 */
export async function discoverPlugins({ projectDirectory, roots = [] }: DiscoverOptions): Promise<PluginReport[]> {
  const requesters: { requester: InstalledPackage; development: boolean }[] = [];
  for (const root of roots) {
    const directory = await realpath(root);
    const json = await readPackageJson(directory);
    if (json === undefined) {
      throw new RegistryError(
        "REGISTRY_MANIFEST_INVALID",
        `${join(directory, "package.json")}: expected a package.json`,
      );
    }
    requesters.push({ requester: { directory, json }, development: false });
  }
  const project = await findProject(projectDirectory);
  if (project !== undefined) requesters.push({ requester: project, development: true });

  const reports = new Map<string, PluginReport>(); // by directory
  const byPackage = new Map<string, PluginReport>();
  for (const { requester, development } of requesters) {
    const names = dependencyNames(requester.json, { development });
    const found = await Promise.all(names.map((name) => findInstalled(name, requester.directory)));
    for (const plugin of found) {
      if (plugin?.json.codex === undefined || reports.has(plugin.directory)) continue;
      const report = describePlugin(plugin, String(requester.json.name ?? requester.directory));
      const first = byPackage.get(report.package);
      if (first === undefined) byPackage.set(report.package, report);
      reports.set(plugin.directory, first === undefined ? report : shadowed(report, first));
    }
  }
  return [...reports.values()];
}

/** Reads the manifest of one plugin package. For plugin authors, who want to look at their own. */
export async function readPlugin(directory: string): Promise<PluginReport> {
  const real = await realpath(directory);
  return describePlugin({ directory: real, json: (await readPackageJson(real)) ?? {} }, real);
}

function describePlugin({ directory, json }: InstalledPackage, requestedBy: string): PluginReport {
  const { entryPoints, problem } = parsePluginManifest(json.codex, join(directory, "package.json"));
  return {
    package: String(json.name ?? directory),
    version: String(json.version ?? "0.0.0"),
    directory,
    requestedBy,
    entryPoints,
    ...(problem === undefined ? {} : { problem }),
  };
}

function shadowed(report: PluginReport, first: PluginReport): PluginReport {
  const problem = new RegistryError(
    "REGISTRY_PACKAGE_SHADOWED",
    `${report.directory}: version ${report.version} of ${report.package}, asked for by ${report.requestedBy}, is not used: ` +
      `version ${first.version} of ${first.requestedBy} is, from ${first.directory}`,
    { help: `Ask for a version of ${report.package} that both can share, or remove it from your dependencies.` },
  );
  return { ...report, problem };
}

/** How a plugin is named where an entry's source is shown. */
export function pluginSource(report: PluginReport): string {
  return `${report.package}@${report.version}`;
}
