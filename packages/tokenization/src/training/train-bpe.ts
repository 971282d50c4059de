import Type, { type Static } from "typebox";
import { BpeTokenizer } from "../bpe-tokenizer.ts";
import { BYTES_BY_CHARACTER, byteToCharacter } from "../byte-alphabet.ts";
import { byteLevelJson, refuseByteNames } from "../byte-level-json.ts";
import { DEFAULT_SPECIAL_TOKENS } from "../byte-tokenizer.ts";
import { TokenizerError } from "../errors.ts";
import { type TokenizerManifest, tokenizerSha256 } from "../manifest.ts";
import { specialTokenList, specialTokensSchema, tokenizerConfig } from "../special-tokens.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { UNICODE_TABLES } from "../unicode-classes.ts";
import { learnMerges } from "./learn-merges.ts";
import { loadWords } from "./load-words.ts";
import { countedCorpus, type TrainingContext, type TrainingSource, withWordCounts } from "./training-source.ts";

export const BpeTrainingOptions = Type.Object(
  {
    vocabSize: Type.Integer({
      minimum: 256,
      default: 4096,
      description: "Ids: special tokens, 256 bytes, merges. Fewer in the end if the corpus has no more pairs to merge.",
    }),
    minFrequency: Type.Integer({ minimum: 0, default: 0, description: "A pair that occurs less often is not merged." }),
    preTokenizer: Type.Union(
      [Type.Literal("gpt2"), Type.Literal("llama3"), Type.Literal("qwen2"), Type.Literal("none")],
      { default: "gpt2", description: "Where text is cut before merging: no merge crosses a cut." },
    ),
    specialTokens: specialTokensSchema(DEFAULT_SPECIAL_TOKENS),
  },
  { additionalProperties: false, description: "Training of byte-level BPE. There is no seed: nothing is random." },
);
export type BpeTrainingOptions = Static<typeof BpeTrainingOptions>;

/** `vocabSize`, the other settings where they differ from the defaults of `BpeTrainingOptions`, and: */
export interface TrainBpeOptions
  extends Pick<BpeTrainingOptions, "vocabSize">,
    Partial<Omit<BpeTrainingOptions, "vocabSize">>,
    TrainingContext {}

/** A tokenizer that was just trained. */
export interface TrainedTokenizer extends Tokenizer {
  readonly manifest: TokenizerManifest;
}

/**
 * Trains byte-level BPE on a stream of texts, or on words counted before. Texts are counted in bounded memory; then the
 * different words (pieces) have to fit into it. The result depends on the texts and the settings alone, not on how often
 * the stream pauses, and has the merges of the BpeTrainer of Hugging Face tokenizers.
 *
 * @throws {TokenizerError} `TOKENIZER_VOCAB_TOO_SMALL`, `TOKENIZER_CORPUS_EMPTY`, `TOKENIZER_OPTIONS_INVALID`,
 * `TOKENIZER_SPECIAL_TOKEN_CONFLICT`, `TOKENIZER_COUNT_OVERFLOW`; the reason of `signal` if it is aborted
 */
export async function trainByteLevelBpe(source: TrainingSource, options: TrainBpeOptions): Promise<TrainedTokenizer> {
  const { vocabSize, minFrequency = 0, preTokenizer = "gpt2", specialTokens = DEFAULT_SPECIAL_TOKENS } = options;
  const special = specialTokenList(specialTokens);
  checkOptions({ vocabSize, minFrequency, preTokenizer }, special);

  return withWordCounts(source, preTokenizer, options, async (counts) => {
    const words = loadWords(counts);
    const byteIds = new Uint32Array(256);
    BYTES_BY_CHARACTER.forEach((byte, index) => {
      byteIds[byte] = special.length + index;
    });
    const { tokens, merges } = await learnMerges(
      {
        symbols: words.bytes,
        byteIds,
        starts: words.starts,
        counts: words.counts,
        tokens: [...special, ...BYTES_BY_CHARACTER.map(byteToCharacter)],
        vocabSize,
        minFrequency,
        reserved: new Set(special),
      },
      {
        signal: options.signal,
        onProgress: (progress) => options.onProgress?.({ phase: "merge", ...progress }),
      },
    );

    const json = byteLevelJson({
      vocab: tokens.map((token, id) => [token, id] as const),
      merges,
      preTokenizer,
      specialTokens: special.map((content, id) => ({ content, id })),
    });
    const manifest: TokenizerManifest = {
      schema_version: 1,
      trainer: { name: "byte-level-bpe", version: 1 },
      settings: {
        vocab_size: vocabSize,
        min_frequency: minFrequency,
        pre_tokenizer: preTokenizer,
        normalization: null,
        special_tokens: specialTokens,
        unicode_tables: UNICODE_TABLES,
      },
      corpus: countedCorpus(counts, options.inputs),
      result: { vocab_size: tokens.length, merges: merges.length, sha256: tokenizerSha256(json) },
    };
    const tokenizer = new BpeTokenizer({ json, config: tokenizerConfig(specialTokens), manifest: { ...manifest } });
    return Object.assign(tokenizer, { manifest });
  });
}

function checkOptions(
  { vocabSize, minFrequency, preTokenizer }: Omit<BpeTrainingOptions, "specialTokens">,
  special: readonly string[],
): void {
  if (!Number.isInteger(vocabSize)) refuse("vocabSize", "an integer", vocabSize);
  if (!Number.isInteger(minFrequency) || minFrequency < 0)
    refuse("minFrequency", "an integer, 0 or more", minFrequency);
  const names = BpeTrainingOptions.properties.preTokenizer.anyOf.map((option) => option.const);
  if (!names.includes(preTokenizer)) refuse("preTokenizer", `one of ${names.join(", ")}`, preTokenizer);
  const needed = 256 + special.length;
  if (vocabSize < needed) {
    throw new TokenizerError(
      "TOKENIZER_VOCAB_TOO_SMALL",
      `vocabSize: expected at least ${needed} (256 bytes and ${special.length} special tokens), got ${vocabSize}`,
      { help: 'Byte-level tokenizers have a token for each byte. For less, use the "char" tokenizer.' },
    );
  }
  refuseByteNames(special);
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}
