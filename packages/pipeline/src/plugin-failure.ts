import type { Registries, RegistryKind } from "@codex/registry";
import type { CodexConfig } from "./configuration/schema.ts";
import { PipelineError } from "./errors.ts";

/** A name that a configuration or a command asks for. */
export interface UsedName {
  readonly kind: RegistryKind;
  readonly name: string;
}

/** Every registered name that a configuration uses. */
export function usedNames({ model, tokenizer, data, training, tracking }: CodexConfig): UsedName[] {
  return [
    { kind: "models", name: model.name },
    { kind: "tokenizers", name: tokenizer.name },
    { kind: "datasets", name: data.name },
    { kind: "optimizers", name: training.optimizer },
    { kind: "schedulers", name: training.schedule },
    { kind: "trainers", name: training.trainer },
    ...tracking.trackers.map(({ name }) => ({ kind: "trackers", name }) as const),
  ];
}

function isPlugin(registries: Registries, { kind, name }: UsedName): string | undefined {
  const registered = registries
    .byName(kind)
    .list()
    .find((entry) => entry.name.toLowerCase() === name.toLowerCase());
  return registered === undefined || registered.source.startsWith("@codex/")
    ? undefined
    : `${kind} "${registered.name}" of ${registered.source}`;
}

/**
 * Errors of Codex carry a code. One without, in work that runs code of plugins, is a plugin's, and says so.
 * @returns the error to throw: the same one where no plugin is in use
 */
export function blamePlugins(error: unknown, registries: Registries, used: readonly UsedName[]): unknown {
  if (!(error instanceof Error) || "code" in error) return error;
  const plugins = used.flatMap((name) => isPlugin(registries, name) ?? []);
  if (plugins.length === 0) return error;
  return new PipelineError(
    "PIPELINE_PLUGIN_FAILED",
    `${plugins.join(" or ")}: expected to work, threw ${error.name}: ${error.message}`,
    {
      cause: error,
      help: "This is code of a plugin, not of Codex: --debug shows where it threw. `codex plugins check` loads all of it.",
    },
  );
}
