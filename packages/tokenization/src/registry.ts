/** @module Entries for the `tokenizers` of `@codex/registry`. */
import type { RegistryEntry } from "@codex/registry";
import Type, { type Static } from "typebox";
import { createByteTokenizer, DEFAULT_SPECIAL_TOKENS } from "./byte-tokenizer.ts";
import { TokenizerError } from "./errors.ts";
import { loadHfTokenizer } from "./hf-tokenizer.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { specialTokensSchema } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { TokenizerPath } from "./trained-entries.ts";
import { BpeTrainingOptions, type TrainedTokenizer, trainByteLevelBpe } from "./training/train-bpe.ts";
import { trainCharTokenizer } from "./training/train-char.ts";
import type { TrainingContext, TrainingSource } from "./training/training-source.ts";
import { WordCounts } from "./training/word-counts.ts";

export { sentencepiece, whitespace, wordpiece } from "./trained-entries.ts";

/** How a tokenizer comes into being: it is loaded, or it has to be trained. One of the two is there. */
export interface TokenizerProvider {
  load?(): Promise<Tokenizer>;
  /** @param source - texts; most kinds are trained from words that were counted before, too */
  train?(source: TrainingSource, context?: TokenizerTrainingContext): Promise<TrainedTokenizer>;
}

export type { TrainingProgress } from "./training/training-source.ts";
/** Budgets, threads, files for the manifest, `signal` and `onProgress`. */
export type TokenizerTrainingContext = TrainingContext;

declare module "@codex/registry" {
  interface RegistryKinds {
    /** `Options` are what the entry's schema says; they were checked against it. */
    tokenizers: RegistryEntry<(options: never) => TokenizerProvider>;
  }
}

const BpeOptions = Type.Object(
  { path: TokenizerPath, ...BpeTrainingOptions.properties },
  { additionalProperties: false, description: "Byte-level BPE, trained on the training split." },
);

/** `bpe`: byte-level BPE, trained, or loaded from a file whose pieces are cut as GPT-2's, Llama 3's or Qwen 2's are. */
export const bpe = {
  configSchema: BpeOptions,
  create: ({ path, ...options }: Static<typeof BpeOptions>): TokenizerProvider =>
    path === undefined
      ? { train: (texts, context) => trainByteLevelBpe(texts, { ...options, ...context }) }
      : { load: () => loadKind(path, ["bpe", "byte"]) },
};

const ByteOptions = Type.Object(
  {
    specialTokens: specialTokensSchema(DEFAULT_SPECIAL_TOKENS),
  },
  { additionalProperties: false, description: "One id per byte. Nothing to train." },
);

export const byte = {
  configSchema: ByteOptions,
  create: (options: Static<typeof ByteOptions>): TokenizerProvider => ({
    load: async () => createByteTokenizer(options),
  }),
};

const CharOptions = Type.Object(
  {
    path: TokenizerPath,
    specialTokens: specialTokensSchema({}),
  },
  { additionalProperties: false, description: "One id per character of the training text." },
);

export const char = {
  configSchema: CharOptions,
  create: ({ path, ...options }: Static<typeof CharOptions>): TokenizerProvider =>
    path === undefined
      ? {
          train: async (texts, { onProgress, ...context } = {}) => {
            if (texts instanceof WordCounts) {
              throw new TokenizerError("TOKENIZER_OPTIONS_INVALID", "char: expected texts, got counts of words");
            }
            return trainCharTokenizer(texts, {
              ...options,
              ...context,
              ...(onProgress === undefined
                ? {}
                : { onProgress: (progress) => onProgress({ phase: "count", ...progress }) }),
            });
          },
        }
      : { load: () => loadKind(path, ["char"]) },
};

const HfOptions = Type.Object(
  { path: Type.String({ minLength: 1, description: "Directory with a tokenizer.json, or such a file." }) },
  { additionalProperties: false, description: "Any tokenizer.json that @huggingface/tokenizers supports." },
);

export const hf = {
  configSchema: HfOptions,
  create: ({ path }: Static<typeof HfOptions>): TokenizerProvider => ({ load: () => loadHfTokenizer(path) }),
};

async function loadKind(path: string, kinds: readonly string[]): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(path);
  if (kinds.includes(tokenizer.kind)) return tokenizer;
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `${path}: expected a ${kinds.join(" or ")} tokenizer, got ${tokenizer.kind}`,
  );
}
