import { resolve } from "node:path";
import { checkVocabulary, type LanguageModel, loadModel } from "@codex/models";
import type { Registries } from "@codex/registry";
import type { Tokenizer } from "@codex/tokenization";
import { registeredOptions } from "./configuration/registered-options.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import { PipelineError } from "./errors.ts";

/**
 * The model of a configuration: drawn at random, or read from `init.from`. The caller disposes it.
 * @param options.directory - relative paths start here
 * @param options.resumedFrom - a checkpoint of the run: its weights replace those of `init.from`, which may be gone
 * @throws {ModelError} `MODEL_VOCABULARY_MISMATCH`, and of loading
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID`
 */
export async function prepareModel(
  config: CodexConfig,
  registries: Registries,
  tokenizer: Tokenizer,
  { directory, resumedFrom }: { directory: string; resumedFrom?: string },
): Promise<LanguageModel> {
  const { from } = config.init;
  const model =
    from === undefined
      ? await createFromOptions(config, registries, tokenizer)
      : await loadModel(resumedFrom ?? resolve(directory, from));
  try {
    checkVocabulary(model, tokenizer);
    const { maxPositionEmbeddings } = model.config;
    if (config.data.sequenceLength > maxPositionEmbeddings) {
      throw new PipelineError(
        "PIPELINE_CONFIG_INVALID",
        `data.sequenceLength: expected at most the model's context of ${maxPositionEmbeddings}, got ${config.data.sequenceLength}`,
        { help: "Lower data.sequenceLength or raise model.maxPositionEmbeddings." },
      );
    }
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** A model with random weights. The caller disposes it. */
export async function createFromOptions(
  config: CodexConfig,
  registries: Registries,
  tokenizer: Tokenizer,
): Promise<LanguageModel> {
  const entry = await registries.of("models").resolve(config.model.name);
  const { bos, eos, pad } = tokenizer.specialTokens;
  return entry.create(registeredOptions(config.model, entry.configSchema) as never, {
    vocabSize: tokenizer.vocabSize,
    seed: config.seed,
    ...(bos === undefined ? {} : { bosTokenId: bos.id }),
    ...(eos === undefined ? {} : { eosTokenId: eos.id }),
    ...(pad === undefined ? {} : { padTokenId: pad.id }),
  });
}
