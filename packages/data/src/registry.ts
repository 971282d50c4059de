/** @module What this package registers with `@codex/registry` (see the `codex` field of package.json), and the kind `datasets`. */
import type { RegistryEntry } from "@codex/registry";
import Type from "typebox";
import { createShakespeareSource } from "./datasets/shakespeare.ts";
import { createTypescriptLibSource } from "./datasets/typescript-lib.ts";
import type { TextSource } from "./document.ts";
import { createTextSource, TextSourceOptions } from "./text-source.ts";

/** What a data set is told besides its own options. */
export interface DatasetContext {
  /** Absolute; relative paths in the options start here. */
  readonly directory: string;
}

/** An entry of the kind `datasets`. `options` have been checked against `configSchema`. */
export type DatasetEntry = RegistryEntry<(options: never, context: DatasetContext) => TextSource>;

declare module "@codex/registry" {
  interface RegistryKinds {
    datasets: DatasetEntry;
  }
}

const noOptions = Type.Object({}, { additionalProperties: false });

export const text: DatasetEntry = {
  configSchema: TextSourceOptions,
  create: (options: TextSourceOptions, context) => createTextSource(options, context),
};

export const shakespeare: DatasetEntry = {
  configSchema: noOptions,
  create: () => createShakespeareSource(),
};

export const typescriptLib: DatasetEntry = {
  configSchema: noOptions,
  create: (_options, context) => createTypescriptLibSource(context),
};
