/** Tokenizers of our trainers whose files Hugging Face tokenizers has opened (golden/trained-ours.json). */
import { type TrainedFiles, trainCharacterBpe, trainWordLevel, trainWordPiece } from "@codex/tokenization";

const CORPUS = [
  "The quick brown fox jumps over the lazy dog. It's the dog's day; they'll say so, won't they?\n",
  "Gr\u00fc\u00dfe aus K\u00f6ln! \u4f60\u597d\u4e16\u754c \ud83c\udf89 ab abab ababab\n",
  "#a ## a# half \ud83c of a pair",
];

export const TRAINED: Record<string, () => Promise<TrainedFiles>> = {
  "character-bpe": () => trainCharacterBpe(CORPUS, { vocabSize: 330, characterCoverage: 1 }),
  "character-bpe-coverage": () => trainCharacterBpe(CORPUS, { vocabSize: 320, characterCoverage: 0.95 }),
  "word-level": () => trainWordLevel(CORPUS, { vocabSize: 20 }),
  "word-piece-bert": () => trainWordPiece(CORPUS, { vocabSize: 110, preTokenizer: "bert-uncased" }),
  "word-piece": () => trainWordPiece(CORPUS, { vocabSize: 110 }),
};
