import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type ComposedConfig, composeConfig, toYaml, validateConfig } from "@codex/config";
import type { PluginReport, Registries } from "@codex/registry";
import { PipelineError } from "../errors.ts";
import { shippedConfigs } from "../package-directory.ts";
import { openRegistries } from "../registries.ts";
import { type CodexConfig, configurationSchemaFor, type NamedOptions, type Selection } from "./schema.ts";

export interface LoadOptions {
  /** A `.yaml` file, or a name in `configs/` of the project or among the shipped ones (`config`, `recipes/quickstart`). */
  readonly config: string;
  /** `training.maxSteps=100`, `model=gpt2`, `+a.b=c`, `~a.b` */
  readonly overrides?: readonly string[];
  /** Trackers besides those of the configuration; options of one of the same name are changed. */
  readonly trackers?: readonly NamedOptions[];
  /** The project: its `configs/` and its plugins are used, and relative paths start here. Default: the working directory. */
  readonly directory?: string;
}

/** A configuration that is valid, with the names that it was checked against. */
export interface Configuration {
  readonly value: CodexConfig;
  /** The effective configuration as YAML: composing it again gives the same. */
  readonly yaml: string;
  /** As typed. */
  readonly overrides: readonly string[];
  readonly directory: string;
  readonly registries: Registries;
  readonly plugins: readonly PluginReport[];
}

/** Where configurations are looked up: a tree of the user's around the file, `configs/` of the project, what ships with Codex. */
function searchPathFor(config: string, directory: string): string[] {
  const path = [join(directory, "configs"), shippedConfigs];
  for (let folder = dirname(resolve(directory, config)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "config.yaml")) && resolve(folder, "config.yaml") !== resolve(directory, config))
      path.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  // Names, not absolute paths: messages then read as the user would write them.
  return [...new Set(path.map((folder) => relative(process.cwd(), folder) || "."))].filter((folder) =>
    existsSync(folder),
  );
}

/**
 * Composes, checks and completes a configuration.
 * @throws {ConfigError} every code, naming file, line and the nearest key
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID` for a name that is not registered
 */
export async function loadConfiguration(options: LoadOptions): Promise<Configuration> {
  const { config, overrides = [], trackers = [], directory = process.cwd() } = options;
  const path = existsSync(resolve(directory, config)) ? relative(process.cwd(), resolve(directory, config)) : config;
  const composed = composeConfig({
    config: path,
    searchPath: searchPathFor(config, directory),
    overrides,
    struct: false,
  });
  if (trackers.length > 0) addTrackers(composed, trackers);
  const { registries, plugins } = await openRegistries(directory);
  const schema = await configurationSchemaFor(registries, selectionOf(composed, registries)).catch((error: Error) => {
    throw new PipelineError("PIPELINE_CONFIG_INVALID", `${composed.files[0]}: ${error.message}`, {
      cause: error,
      ...("help" in error && typeof error.help === "string" ? { help: error.help } : {}),
    });
  });
  const value = validateConfig(schema, composed.value, composed) as unknown as CodexConfig;
  return { value, yaml: toYaml(value as never), overrides, directory, registries, plugins };
}

function addTrackers(composed: ComposedConfig, added: readonly NamedOptions[]): void {
  const groups = composed.value as Record<string, unknown>;
  groups["tracking"] ??= {};
  const tracking = groups["tracking"] as { trackers?: unknown };
  const configured: unknown[] = Array.isArray(tracking.trackers) ? tracking.trackers : [];
  const nameOf = (tracker: unknown) => (tracker as NamedOptions | null)?.name;
  const isNew = ({ name }: NamedOptions) => !configured.some((tracker) => nameOf(tracker) === name);
  const changed = configured.map((tracker) => {
    const changes = added.find(({ name }) => name === nameOf(tracker));
    return changes === undefined ? tracker : { ...(tracker as NamedOptions), ...changes };
  });
  tracking.trackers = [...changed, ...added.filter(isNew)];
}

function selectionOf(composed: ComposedConfig, registries: Registries): Selection {
  const nameAt = (path: string, kind: string, fallback?: string): string => {
    const keys = path.split(".");
    let value: unknown = composed.value;
    for (const key of keys)
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    if (typeof value === "string" && value !== "") return value;
    if (value === undefined && fallback !== undefined) return fallback;
    const where = composed.origin(path) ?? composed.files[0];
    throw new PipelineError(
      "PIPELINE_CONFIG_INVALID",
      `${where}: ${path}: expected a registered name, got ${JSON.stringify(value) ?? "nothing"}; there are: ${registries.byName(kind).names().join(", ")}`,
    );
  };
  const trackers = (composed.value["tracking"] as { trackers?: unknown } | undefined)?.trackers;
  return {
    model: nameAt("model.name", "models"),
    tokenizer: nameAt("tokenizer.name", "tokenizers"),
    data: nameAt("data.name", "datasets"),
    optimizer: nameAt("training.optimizer", "optimizers", "adamw"),
    schedule: nameAt("training.schedule", "schedulers", "cosine"),
    trainer: nameAt("training.trainer", "trainers", "default"),
    trackers: Array.isArray(trackers)
      ? trackers.map((_, index) => nameAt(`tracking.trackers.${index}.name`, "trackers"))
      : [],
  };
}

/** The selection for a schema without a configuration: what `configs/config.yaml` chooses. */
export async function shippedSelection(directory: string): Promise<{ registries: Registries; selection: Selection }> {
  const composed = composeConfig({ config: "config", searchPath: searchPathFor("config", directory) });
  const { registries } = await openRegistries(directory);
  return { registries, selection: selectionOf(composed, registries) };
}
