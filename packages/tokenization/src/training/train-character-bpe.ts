import { type SpecialTokenOptions, specialTokenList } from "../special-tokens.ts";
import { wordAlphabet, wordSymbols } from "./alphabet.ts";
import { learnMerges } from "./learn-merges.ts";
import { loadWords } from "./load-words.ts";
import { type TrainedFiles, trainedFiles } from "./trained-files.ts";
import { refuseTaken, requireInteger, requireShare, requireVocabSize } from "./training-options.ts";
import { type TrainingContext, type TrainingSource, withWordCounts } from "./training-source.ts";
import { PRE_TOKENIZER_JSON } from "./word-splitter.ts";

export interface TrainCharacterBpeOptions extends TrainingContext {
  /** Special tokens, 256 bytes with `byteFallback`, characters, merges. */
  readonly vocabSize: number;
  /** A pair that occurs less often is not merged. Default 0. */
  readonly minFrequency?: number;
  /** Share of the corpus's characters that get tokens of their own; the rarest are left out. Default 0.9995. */
  readonly characterCoverage?: number;
  /** Characters outside the vocabulary become tokens of their bytes (`<0xE2>`), so that every text comes back. Default true. */
  readonly byteFallback?: boolean;
  /** Default: `<unk>`, `<s>`, `</s>`. */
  readonly specialTokens?: SpecialTokenOptions & { unk: string };
}

const DEFAULT_SPECIAL_TOKENS = { unk: "<unk>", bos: "<s>", eos: "</s>" };

/** Of each byte, as it stands in the vocabulary. */
export const BYTE_TOKENS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/**
 * Trains BPE on characters, as the tokenizers of Llama 2 and Mistral are: spaces become U+2581, and belong to the word
 * after them. Merges are those of the BpeTrainer of Hugging Face tokenizers for the same alphabet; but where it closes the
 * gap that a character outside the alphabet leaves, no merge reaches over one here.
 *
 * @throws {TokenizerError} as `trainByteLevelBpe`
 */
export async function trainCharacterBpe(
  source: TrainingSource,
  options: TrainCharacterBpeOptions,
): Promise<TrainedFiles> {
  const { vocabSize, minFrequency = 0, characterCoverage = 0.9995, byteFallback = true } = options;
  const { specialTokens = DEFAULT_SPECIAL_TOKENS } = options;
  const special = specialTokenList(specialTokens);
  requireInteger("minFrequency", minFrequency, 0);
  requireShare("characterCoverage", characterCoverage);
  const fixed = [...special, ...(byteFallback ? BYTE_TOKENS : [])];
  if (byteFallback) refuseTaken(special, (token) => BYTE_TOKENS.includes(token));

  return withWordCounts(source, "metaspace", options, async (counts) => {
    const words = loadWords(counts);
    const alphabet = wordAlphabet(words, { characterCoverage, limitAlphabet: Number.POSITIVE_INFINITY });
    const characters = alphabet.map((point) => String.fromCodePoint(point));
    refuseTaken(special, (token) => characters.includes(token));
    requireVocabSize(
      vocabSize,
      fixed.length + alphabet.length,
      `${special.length} special tokens, ${fixed.length - special.length} bytes, ${alphabet.length} characters`,
    );
    const ids = new Map(alphabet.map((point, index) => [point, fixed.length + index]));
    const { tokens, merges } = await learnMerges(
      {
        ...wordSymbols(words, (point) => ids.get(point)),
        counts: words.counts,
        tokens: [...fixed, ...characters],
        vocabSize,
        minFrequency,
        reserved: new Set(fixed),
      },
      {
        signal: options.signal,
        onProgress: (progress) => options.onProgress?.({ phase: "merge", ...progress }),
      },
    );
    const metaspace = PRE_TOKENIZER_JSON.metaspace;
    return trainedFiles({
      trainer: "character-bpe",
      settings: {
        vocab_size: vocabSize,
        min_frequency: minFrequency,
        character_coverage: characterCoverage,
        byte_fallback: byteFallback,
      },
      specialTokens,
      special,
      size: tokens.length,
      merges: merges.length,
      counts,
      context: options,
      stages: {
        pre_tokenizer: metaspace,
        decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, metaspace] },
        model: {
          type: "BPE",
          dropout: null,
          unk_token: specialTokens.unk,
          continuing_subword_prefix: null,
          end_of_word_suffix: null,
          fuse_unk: true,
          byte_fallback: byteFallback,
          ignore_merges: false,
          vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
          merges,
        },
      },
    });
  });
}
