import { createHash } from "node:crypto";
import type { Corpus } from "@codex/data";
import type { Registries } from "@codex/registry";
import type { Tokenizer } from "@codex/tokenization";
import { registeredOptions } from "./configuration/registered-options.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import type { PipelineObserver } from "./events.ts";
import { sayProgress } from "./say-progress.ts";
import { trainingProgressText } from "./tokenizer-tools/training-progress.ts";

/** Loads the tokenizer of a configuration, or trains it on the training split. */
export async function prepareTokenizer(
  config: CodexConfig,
  registries: Registries,
  corpus: Corpus,
  options: { onEvent?: PipelineObserver | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Tokenizer> {
  const { name } = config.tokenizer;
  const entry = await registries.of("tokenizers").resolve(name);
  const provider = entry.create(registeredOptions(config.tokenizer, entry.configSchema) as never);
  const say = (what: string, tokenizer: Tokenizer): Tokenizer => {
    options.onEvent?.({
      type: "stage",
      stage: "tokenizer",
      message: `${what} ${name}, ${tokenizer.vocabSize.toLocaleString("en")} ids`,
    });
    return tokenizer;
  };
  if (provider.load) return say("loaded", await provider.load());
  if (!provider.train) throw new TypeError(`tokenizer "${name}": expected its provider to have load or train`);
  const inputs = await corpus.inputs();
  const progress = sayProgress(options.onEvent, "tokenizer");
  return say(
    "trained",
    await provider.train(corpus.texts("train"), {
      inputs,
      onProgress: (soFar) => progress(() => trainingProgressText(soFar)),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }),
  );
}

/** Tells one tokenizer from any other: a hash of its files, but for the one that says where it comes from. */
export function tokenizerHash(tokenizer: Tokenizer): string {
  const hash = createHash("sha256");
  for (const [name, contents] of Object.entries(tokenizer.saveFiles()).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (name !== "tokenizer_manifest.json") hash.update(`${name}\0${contents}\0`);
  return hash.digest("hex");
}
