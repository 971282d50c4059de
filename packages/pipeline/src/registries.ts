import type {} from "@codex/data/registry";
import type {} from "@codex/logging/registry";
import type {} from "@codex/metrics/registry";
import type {} from "@codex/models/registry";
import {
  createRegistries,
  discoverPlugins,
  type PluginReport,
  type Registries,
  registerPlugins,
} from "@codex/registry";
import type {} from "@codex/tokenization/registry";
import type {} from "@codex/training/registry";
import { packageDirectory } from "./package-directory.ts";

/** The names that can stand in a configuration, and who brought them. */
export interface OpenRegistries {
  readonly registries: Registries;
  /** One report a plugin package, the built-in ones first. */
  readonly plugins: readonly PluginReport[];
}

/**
 * Registers what ships with Codex (the dependencies of this package) and the plugins among the dependencies of the user's project.
 * No code of a plugin runs before its name is asked for.
 */
export async function openRegistries(projectDirectory: string = process.cwd()): Promise<OpenRegistries> {
  const registries = createRegistries({
    kinds: ["datasets", "metrics", "models", "optimizers", "schedulers", "tokenizers", "trackers", "trainers"],
  });
  const found = await discoverPlugins({ projectDirectory, roots: [packageDirectory] });
  return { registries, plugins: registerPlugins(registries, found) };
}
