import {
  checkPlugins as checkReports,
  type EntryExplanation,
  explainEntry,
  type PluginReport,
  pluginProblems,
} from "@codex/registry";
import { openRegistries } from "./registries.ts";

export type { EntryExplanation };

export interface ListedEntry {
  readonly kind: string;
  readonly name: string;
  /** `package@version` */
  readonly source: string;
  /** Why it cannot be used, as far as is known without loading it. */
  readonly error: string | undefined;
}

/** Everything that is registered, by kind and name. */
export async function listPlugins(directory?: string): Promise<ListedEntry[]> {
  const { registries, plugins } = await openRegistries(directory);
  const broken = new Map<string, string>();
  for (const report of plugins) {
    for (const { kind, name, problem } of report.entryPoints) {
      const reason = (report.problem ?? problem)?.message;
      if (reason !== undefined) broken.set(`${kind}/${name.toLowerCase()}`, reason);
    }
  }
  return registries.kinds.flatMap((kind) =>
    registries
      .byName(kind)
      .list()
      .map(({ name, source }) => ({ kind, name, source, error: broken.get(`${kind}/${name.toLowerCase()}`) })),
  );
}

export interface CheckedPlugin {
  readonly packageName: string;
  readonly version: string;
  readonly directory: string;
  /** Each with its cause; empty when all of the plugin works. */
  readonly problems: readonly string[];
}

function withCauses(error: unknown): string {
  const messages: string[] = [];
  for (let current = error; current instanceof Error; current = current.cause)
    if (!messages.join().includes(current.message)) messages.push(current.message);
  return messages.join(": ");
}

/** Loads every entry point of every plugin. */
export async function checkPlugins(directory?: string): Promise<CheckedPlugin[]> {
  const { plugins } = await openRegistries(directory);
  const checked: readonly PluginReport[] = await checkReports(plugins);
  return checked.map((report) => ({
    packageName: report.package,
    version: report.version,
    directory: report.directory,
    problems: pluginProblems([report]).map(withCauses),
  }));
}

/** Where a name comes from and what it takes. @param name - `llama`, or `models/llama` where several kinds have the name */
export async function explainPlugin(name: string, directory?: string): Promise<EntryExplanation[]> {
  const { registries, plugins } = await openRegistries(directory);
  const slash = name.indexOf("/");
  return slash === -1
    ? explainEntry(registries, plugins, name)
    : explainEntry(registries, plugins, name.slice(slash + 1), name.slice(0, slash));
}
