import { type SpecialTokenOptions, specialTokenList } from "../special-tokens.ts";
import { wordAlphabet, wordSymbols } from "./alphabet.ts";
import { learnMerges } from "./learn-merges.ts";
import { loadWords } from "./load-words.ts";
import { type TrainedFiles, trainedFiles } from "./trained-files.ts";
import { refuseOption, refuseTaken, requireInteger, requireVocabSize } from "./training-options.ts";
import { type TrainingContext, type TrainingSource, withWordCounts } from "./training-source.ts";
import { NORMALIZER_JSON, PRE_TOKENIZER_JSON } from "./word-splitter.ts";

export interface TrainWordPieceOptions extends TrainingContext {
  /** Special tokens, characters, characters inside words, merges. */
  readonly vocabSize: number;
  /** Default `whitespace`; `bert` and `bert-uncased` also set words and signs apart, and are what BERT's tokenizers do. */
  readonly preTokenizer?: "whitespace" | "bert" | "bert-uncased";
  /** A pair that occurs less often is not merged. Default 0. */
  readonly minFrequency?: number;
  /** What tokens inside a word begin with. Default `##`. */
  readonly continuingSubwordPrefix?: string;
  /** Characters at most, the most frequent ones; a word with another one is `unk`. Default 1000. */
  readonly limitAlphabet?: number;
  /** Default: those of BERT: `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. */
  readonly specialTokens?: SpecialTokenOptions & { unk: string };
}

const DEFAULT_SPECIAL_TOKENS = { pad: "[PAD]", unk: "[UNK]", additional: ["[CLS]", "[SEP]", "[MASK]"] };
const PRE_TOKENIZERS = ["whitespace", "bert", "bert-uncased"];
const MAX_INPUT_CHARS_PER_WORD = 100; // of BERT; a longer word is `unk`

/**
 * A vocabulary of word pieces, grown as in the WordPieceTrainer of Hugging Face tokenizers: by the merges of byte-pair
 * encoding, with a prefix on what continues a word. There, ids of the characters inside words follow the order of a hash
 * table, and with them the choice between equally frequent pairs: it differs from run to run. Here they follow their code
 * points. Where no choice hangs on those ids, the vocabulary is the same.
 *
 * @throws {TokenizerError} as `trainByteLevelBpe`
 */
export async function trainWordPiece(source: TrainingSource, options: TrainWordPieceOptions): Promise<TrainedFiles> {
  const { vocabSize, minFrequency = 0, continuingSubwordPrefix: prefix = "##", limitAlphabet = 1000 } = options;
  const { specialTokens = DEFAULT_SPECIAL_TOKENS, preTokenizer = "whitespace" } = options;
  if (!PRE_TOKENIZERS.includes(preTokenizer)) {
    refuseOption("preTokenizer", `one of ${PRE_TOKENIZERS.join(", ")}`, preTokenizer);
  }
  const special = specialTokenList(specialTokens);
  requireInteger("minFrequency", minFrequency, 0);
  requireInteger("limitAlphabet", limitAlphabet, 1);

  return withWordCounts(source, preTokenizer, options, async (counts) => {
    const words = loadWords(counts);
    const alphabet = wordAlphabet(words, { characterCoverage: 1, limitAlphabet });
    const inAlphabet = new Set(alphabet);
    const continuing = new Set<number>();
    wordSymbols(words, (point, first) => {
      if (!first && inAlphabet.has(point)) continuing.add(point);
      return 0;
    });
    const tokens = [...special];
    const idsOf = (names: Iterable<[point: number, name: string]>): Map<number, number> => {
      const known = new Map(tokens.map((token, id) => [token, id]));
      return new Map(Array.from(names, ([point, name]) => [point, known.get(name) ?? tokens.push(name) - 1]));
    };
    const firstIds = idsOf(alphabet.map((point) => [point, String.fromCodePoint(point)]));
    const innerPoints = [...continuing].sort((a, b) => a - b);
    // With an empty prefix a character has one token, wherever it stands.
    const innerIds = idsOf(innerPoints.map((point) => [point, prefix + String.fromCodePoint(point)]));
    refuseTaken(special, (token) => {
      const id = special.indexOf(token);
      return [...firstIds.values(), ...innerIds.values()].includes(id);
    });
    requireVocabSize(
      vocabSize,
      tokens.length,
      `${special.length} special tokens, ${firstIds.size} characters, ${innerIds.size} inside words`,
    );
    const trained = await learnMerges(
      {
        ...wordSymbols(words, (point, first) => (first ? firstIds : innerIds).get(point)),
        counts: words.counts,
        tokens,
        vocabSize,
        minFrequency,
        reserved: new Set(special),
        continuingPrefix: prefix,
      },
      {
        signal: options.signal,
        onProgress: (progress) => options.onProgress?.({ phase: "merge", ...progress }),
      },
    );
    return trainedFiles({
      trainer: "word-piece",
      settings: {
        vocab_size: vocabSize,
        min_frequency: minFrequency,
        limit_alphabet: limitAlphabet,
        continuing_subword_prefix: prefix,
      },
      specialTokens,
      special,
      size: trained.tokens.length,
      merges: trained.merges.length,
      counts,
      context: options,
      stages: {
        normalizer: NORMALIZER_JSON[preTokenizer] ?? null,
        pre_tokenizer: PRE_TOKENIZER_JSON[preTokenizer],
        post_processor: classificationTemplate(special),
        decoder: { type: "WordPiece", prefix, cleanup: false },
        model: {
          type: "WordPiece",
          unk_token: specialTokens.unk,
          continuing_subword_prefix: prefix,
          max_input_chars_per_word: MAX_INPUT_CHARS_PER_WORD,
          vocab: Object.fromEntries(trained.tokens.map((token, id) => [token, id])),
        },
      },
    });
  });
}

/** `[CLS] text [SEP]`, if there are such tokens. */
function classificationTemplate(special: readonly string[]) {
  const cls = special.indexOf("[CLS]");
  const sep = special.indexOf("[SEP]");
  if (cls < 0 || sep < 0) return null;
  return { type: "BertProcessing", sep: ["[SEP]", sep], cls: ["[CLS]", cls] };
}
