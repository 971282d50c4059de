/** @module Tokenizers: train, encode, decode, and the files of Hugging Face tokenizers in and out. */
export { addSpecialTokens, assertVocabSize, type WithSpecialTokens } from "./add-special-tokens.ts";
export { tokenByteLengths, totalByteLength } from "./byte-length.ts";
export { createByteTokenizer } from "./byte-tokenizer.ts";
export type { ChatTemplateLimits } from "./chat/budget.ts";
export { applyChatTemplate, ChatTemplate, type ChatTemplateInput, type RenderedChat } from "./chat/chat-template.ts";
export { ChatTemplates, loadChatTemplates, readChatTemplates } from "./chat/load-chat-template.ts";
export { TokenizerError, type TokenizerErrorCode } from "./errors.ts";
export { jsonToSentencePiece } from "./formats/json-to-sentencepiece.ts";
export { jsonToTiktoken, type TiktokenFile } from "./formats/json-to-tiktoken.ts";
export { type ForeignTokenizer, readForeignTokenizer } from "./formats/read-format.ts";
export { runSelfTest, type SelfTestFailure } from "./formats/self-test.ts";
export {
  parseSentencePieceModel,
  type SentencePieceModel,
  type SentencePieceSample,
  serializeSentencePieceModel,
} from "./formats/sentencepiece-model.ts";
export { type ConvertedSentencePiece, sentencePieceToJson } from "./formats/sentencepiece-to-json.ts";
export { type TiktokenOptions, type TiktokenPatternName, tiktokenToJson } from "./formats/tiktoken-to-json.ts";
export { loadHfTokenizer, parseHfTokenizer } from "./hf-tokenizer.ts";
export { type LoadTokenizerOptions, loadTokenizer } from "./load-tokenizer.ts";
export type { CorpusInput, TokenizerManifest } from "./manifest.ts";
export { type ParseTokenizerOptions, parseTokenizer } from "./parse-tokenizer.ts";
export type {
  EncodeFullOptions,
  FullEncoding,
  OffsetUnit,
  PaddingOptions,
  TruncationOptions,
} from "./pipeline/full-encoding.ts";
export type { SamplingOptions } from "./pipeline/models/model.ts";
export { PipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
export type { PreTokenizerName } from "./pre-tokenizer.ts";
export { saveSpecialTokens } from "./special-token-sidecar.ts";
export type { SpecialTokenOptions } from "./special-tokens.ts";
export type { TextInput } from "./text-input.ts";
export type {
  DecodeOptions,
  EncodeBatchOptions,
  EncodedBatch,
  EncodeFlatOptions,
  EncodeOptions,
  FlatIds,
  SpecialToken,
  SpecialTokens,
  StreamDecoder,
  Tokenizer,
} from "./tokenizer.ts";
export type { TokenizerJson } from "./tokenizer-json.ts";
export { type CountWordsOptions, countWords, mergeWordCounts } from "./training/count-words.ts";
export {
  BpeTrainingOptions,
  type TrainBpeOptions,
  type TrainedTokenizer,
  trainByteLevelBpe,
} from "./training/train-bpe.ts";
export { type TrainCharOptions, trainCharTokenizer } from "./training/train-char.ts";
export { type TrainCharacterBpeOptions, trainCharacterBpe } from "./training/train-character-bpe.ts";
export { type TrainUnigramOptions, trainUnigram } from "./training/train-unigram.ts";
export { type TrainWordLevelOptions, trainWordLevel } from "./training/train-word-level.ts";
export { type TrainWordPieceOptions, trainWordPiece } from "./training/train-word-piece.ts";
export type { TrainedFiles } from "./training/trained-files.ts";
export type { TrainingContext, TrainingProgress, TrainingSource } from "./training/training-source.ts";
export type { WordBudgets } from "./training/word-counter.ts";
export { openWordCounts, type PrunedWords, type WordCountHeader, type WordCounts } from "./training/word-counts.ts";
export type { WordSplitterName } from "./training/word-splitter.ts";
