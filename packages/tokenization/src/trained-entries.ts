/** Entries of the registry whose tokenizers are run by the general pipeline: WordPiece, whole words, and those of SentencePiece. */
import Type, { type Static } from "typebox";
import { TokenizerError } from "./errors.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import type { TokenizerProvider } from "./registry.ts";
import { specialTokensSchema } from "./special-tokens.ts";
import type { TrainedTokenizer } from "./training/train-bpe.ts";
import { trainCharacterBpe } from "./training/train-character-bpe.ts";
import { trainUnigram } from "./training/train-unigram.ts";
import { trainWordLevel } from "./training/train-word-level.ts";
import { trainWordPiece } from "./training/train-word-piece.ts";
import type { TrainedFiles } from "./training/trained-files.ts";

/** Of an entry that trains, or loads what its `path` names. */
export const TokenizerPath = Type.Optional(
  Type.String({
    minLength: 1,
    description:
      "Directory with a tokenizer.json, or such a file, to load instead of training. The other options then have no effect.",
  }),
);

const vocabSize = (what: string) => Type.Integer({ minimum: 1, default: 8000, description: `Ids: ${what}.` });
const minFrequency = Type.Integer({ minimum: 0, default: 0, description: "What occurs less often is left out." });

export const WordPieceOptions = Type.Object(
  {
    path: TokenizerPath,
    vocabSize: vocabSize("special tokens, characters, characters inside words, merges"),
    minFrequency,
    preTokenizer: Type.Union([Type.Literal("whitespace"), Type.Literal("bert"), Type.Literal("bert-uncased")], {
      default: "whitespace",
      description: "How text is cut into words; bert also sets signs apart, bert-uncased lowercases before.",
    }),
    specialTokens: specialTokensSchema({
      pad: "[PAD]",
      unk: "[UNK]",
      additional: ["[CLS]", "[SEP]", "[MASK]"],
    }),
  },
  { additionalProperties: false, description: "WordPiece, as BERT has it, trained on the training split." },
);

/** `wordpiece`: BERT's. */
export const wordpiece = {
  configSchema: WordPieceOptions,
  create: ({ path, specialTokens, ...options }: Static<typeof WordPieceOptions>): TokenizerProvider =>
    path === undefined
      ? {
          train: async (texts, context) =>
            trained(
              await trainWordPiece(texts, {
                ...options,
                ...context,
                specialTokens: withUnk("wordpiece", specialTokens),
              }),
            ),
        }
      : { load: () => loadTokenizer(path) },
};

export const WhitespaceOptions = Type.Object(
  {
    path: TokenizerPath,
    vocabSize: vocabSize("special tokens, the most frequent words"),
    minFrequency,
    specialTokens: specialTokensSchema({ unk: "<unk>", bos: "<s>", eos: "</s>" }),
  },
  { additionalProperties: false, description: "One id per word between white space; other words are unk." },
);

/** `whitespace`: whole words. */
export const whitespace = {
  configSchema: WhitespaceOptions,
  create: ({ path, specialTokens, ...options }: Static<typeof WhitespaceOptions>): TokenizerProvider =>
    path === undefined
      ? {
          train: async (texts, context) =>
            trained(
              await trainWordLevel(texts, {
                ...options,
                ...context,
                specialTokens: withUnk("whitespace", specialTokens),
              }),
            ),
        }
      : { load: () => loadTokenizer(path) },
};

export const SentencePieceOptions = Type.Object(
  {
    path: Type.Optional(
      Type.String({
        minLength: 1,
        description: "A .model of SentencePiece, or what holds a tokenizer.json, to load instead of training.",
      }),
    ),
    modelType: Type.Union([Type.Literal("unigram"), Type.Literal("bpe")], {
      default: "unigram",
      description: "As spm_train's model_type.",
    }),
    vocabSize: vocabSize("special tokens, bytes, characters, pieces"),
    characterCoverage: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.9995,
      description: "Share of the text's characters that get ids of their own.",
    }),
    byteFallback: Type.Boolean({ default: true, description: "Other characters become the ids of their bytes." }),
    specialTokens: specialTokensSchema({ unk: "<unk>", bos: "<s>", eos: "</s>" }),
  },
  { additionalProperties: false, description: "Unigram or character-level BPE, in which a space is U+2581." },
);

/** `sentencepiece`: Llama 2's and T5's shapes. */
export const sentencepiece = {
  configSchema: SentencePieceOptions,
  create: ({ path, modelType, ...options }: Static<typeof SentencePieceOptions>): TokenizerProvider => {
    if (path !== undefined) return { load: () => loadTokenizer(path) };
    const train = modelType === "bpe" ? trainCharacterBpe : trainUnigram;
    return {
      train: async (texts, context) => {
        const specialTokens = withUnk("sentencepiece", options.specialTokens);
        return trained(await train(texts, { ...options, ...context, specialTokens }));
      },
    };
  },
};

function trained({ json, config, manifest }: TrainedFiles): TrainedTokenizer {
  return Object.assign(parseTokenizer(json, { config, manifest }), { manifest });
}

function withUnk<Roles extends { unk?: string }>(entry: string, roles: Roles): Roles & { unk: string } {
  const { unk } = roles;
  if (unk !== undefined) return { ...roles, unk };
  throw new TokenizerError("TOKENIZER_OPTIONS_INVALID", `${entry}: specialTokens.unk: expected a token, got none`);
}
