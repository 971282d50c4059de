/** @module What this package registers with `@codex/registry` (see the `codex` field of package.json), and the kind `models` itself. */
import type { RegistryEntry } from "@codex/registry";
import Type, { type TSchema } from "typebox";
import { createModel } from "./create-model.ts";
import { Gpt2Config } from "./families/gpt2/config.ts";
import { LlamaConfig } from "./families/llama/config.ts";
import type { LanguageModel } from "./language-model.ts";

/** What a model is told besides its own options. */
export interface ModelContext {
  /** Of the tokenizer; the model has exactly as many token ids. */
  readonly vocabSize: number;
  /** Integer seed of the initial weights. */
  readonly seed: number;
  readonly bosTokenId?: number;
  readonly eosTokenId?: number;
  readonly padTokenId?: number;
}

/** An entry of the kind `models`: makes a new model with random weights. `options` have been checked against `configSchema`. */
export type ModelEntry = RegistryEntry<(options: never, context: ModelContext) => LanguageModel>;

declare module "@codex/registry" {
  interface RegistryKinds {
    models: ModelEntry;
  }
}

/** What the tokenizer or the name of the entry says is no option. */
function optionsOf(properties: Record<string, TSchema>): TSchema {
  const { modelType, vocabSize, bosTokenId, eosTokenId, padTokenId, ...options } = properties;
  return Type.Object(options, { additionalProperties: false });
}

export const gpt2: ModelEntry = {
  configSchema: optionsOf(Gpt2Config.properties),
  create: (options: object, { seed, ...context }) =>
    createModel({ ...options, ...context, modelType: "gpt2" }, { seed }),
};

export const llama: ModelEntry = {
  configSchema: optionsOf(LlamaConfig.properties),
  create: (options: object, { seed, ...context }) =>
    createModel({ ...options, ...context, modelType: "llama" }, { seed }),
};
