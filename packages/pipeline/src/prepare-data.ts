import { resolve } from "node:path";
import { type Corpus, CorpusOptions, createCorpus, type TokenizedCorpus, tokenizeCorpus } from "@codex/data";
import type { Registries } from "@codex/registry";
import type { Tokenizer } from "@codex/tokenization";
import { registeredOptions } from "./configuration/registered-options.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import type { PipelineObserver } from "./events.ts";
import { tokenizerHash } from "./prepare-tokenizer.ts";
import { sayProgress } from "./say-progress.ts";

/** The text that a configuration names: made uniform, without duplicates, split. */
export async function openCorpus(config: CodexConfig, registries: Registries, directory: string): Promise<Corpus> {
  const entry = await registries.of("datasets").resolve(config.data.name);
  const source = entry.create(registeredOptions(config.data, entry.configSchema) as never, { directory });
  return createCorpus(source, registeredOptions(config.data, CorpusOptions));
}

/** The tokens of a corpus, from the cache where they were made before. The caller closes them. */
export async function tokenize(
  config: CodexConfig,
  corpus: Corpus,
  tokenizer: Tokenizer,
  options: { directory: string; onEvent?: PipelineObserver | undefined; signal?: AbortSignal | undefined },
): Promise<TokenizedCorpus> {
  const progress = sayProgress(options.onEvent, "tokens");
  const tokens = await tokenizeCorpus(corpus, tokenizer, {
    cache: {
      directory: resolve(options.directory, config.data.cacheDirectory),
      tokenizerHash: tokenizerHash(tokenizer),
    },
    onProgress: (soFar) =>
      progress(
        () => `${soFar.tokens.toLocaleString("en")} so far, from ${soFar.documents.toLocaleString("en")} documents`,
      ),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const { train, validation } = tokens.splits;
  const from = {
    memory: "",
    built: "",
    cache: " (from the cache)",
    rebuilt: " (the cache was damaged and was made again)",
  }[tokens.origin];
  options.onEvent?.({
    type: "stage",
    stage: "tokens",
    message: `${train.length.toLocaleString("en")} to train on, ${validation.length.toLocaleString("en")} held out${from}`,
  });
  return tokens;
}
