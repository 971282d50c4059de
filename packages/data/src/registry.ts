import type { RegistryEntry } from "@codex/registry";
import type { TextSource } from "./document.ts";
import { createTextSource, TextSourceOptions } from "./text-source.ts";

/** A data set by name: options of its own, and the directory that relative paths start at. */
export type DatasetEntry = RegistryEntry<(options: never, context: { directory: string }) => TextSource>;

declare module "@codex/registry" {
  interface RegistryKinds {
    datasets: DatasetEntry;
  }
}

export const text = {
  create: (options: TextSourceOptions, context: { directory: string }) => createTextSource(options, context),
  configSchema: TextSourceOptions,
};
