import { type SpecialTokenOptions, specialTokenList } from "../special-tokens.ts";
import { loneSurrogateIndex } from "../utf8.ts";
import { type TrainedFiles, trainedFiles } from "./trained-files.ts";
import { requireInteger, requireVocabSize } from "./training-options.ts";
import { type TrainingContext, type TrainingSource, withWordCounts } from "./training-source.ts";
import { PRE_TOKENIZER_JSON } from "./word-splitter.ts";

export interface TrainWordLevelOptions extends TrainingContext {
  /** Tokens at most, the special ones included. */
  readonly vocabSize: number;
  /** Words that occur less often are left out. Default 0. */
  readonly minFrequency?: number;
  /** Default: `[UNK]` as `unk`, which stands for all words outside the vocabulary and has to be there. */
  readonly specialTokens?: SpecialTokenOptions & { unk: string };
}

/**
 * A vocabulary of the most frequent words between white space; of equally frequent ones, those that come first by their
 * bytes. The same as that of the WordLevelTrainer of Hugging Face tokenizers, but that a word named like a special token
 * does not take its place.
 *
 * @throws {TokenizerError} as `trainByteLevelBpe`
 */
export async function trainWordLevel(source: TrainingSource, options: TrainWordLevelOptions): Promise<TrainedFiles> {
  const { vocabSize, minFrequency = 0, specialTokens = { unk: "[UNK]" } } = options;
  const special = specialTokenList(specialTokens);
  requireInteger("minFrequency", minFrequency, 0);
  requireVocabSize(vocabSize, special.length, `${special.length} special tokens`);

  return withWordCounts(source, "whitespace", options, async (counts) => {
    const reserved = new Set(special);
    const words: { word: string; count: number }[] = [];
    for (const [word, count] of counts.entries()) {
      if (count < minFrequency || reserved.has(word) || loneSurrogateIndex(word) >= 0) continue;
      words.push({ word, count });
    }
    words.sort((a, b) => b.count - a.count); // stable: equally frequent ones stay in the order of their bytes
    const tokens = [...special, ...words.slice(0, vocabSize - special.length).map(({ word }) => word)];
    return trainedFiles({
      trainer: "word-level",
      settings: { vocab_size: vocabSize, min_frequency: minFrequency },
      specialTokens,
      special,
      size: tokens.length,
      merges: 0,
      counts,
      context: options,
      stages: {
        pre_tokenizer: PRE_TOKENIZER_JSON.whitespace,
        decoder: null,
        model: {
          type: "WordLevel",
          vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
          unk_token: specialTokens.unk,
        },
      },
    });
  });
}
