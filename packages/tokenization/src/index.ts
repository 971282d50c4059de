/** @module Tokenizers: train, encode, decode, and the files of Hugging Face tokenizers in and out. */
export { tokenByteLengths, totalByteLength } from "./byte-length.ts";
export { createByteTokenizer } from "./byte-tokenizer.ts";
export { TokenizerError, type TokenizerErrorCode } from "./errors.ts";
export { loadHfTokenizer, parseHfTokenizer } from "./hf-tokenizer.ts";
export { loadTokenizer } from "./load-tokenizer.ts";
export type { CorpusInput, TokenizerManifest } from "./manifest.ts";
export { type ParseTokenizerOptions, parseTokenizer } from "./parse-tokenizer.ts";
export type { PreTokenizerName } from "./pre-tokenizer.ts";
export type { SpecialTokenOptions } from "./special-tokens.ts";
export type {
  DecodeOptions,
  EncodeBatchOptions,
  EncodedBatch,
  EncodeOptions,
  SpecialToken,
  SpecialTokens,
  StreamDecoder,
  Tokenizer,
} from "./tokenizer.ts";
export type { TokenizerJson } from "./tokenizer-json.ts";
export {
  BpeTrainingOptions,
  type TrainBpeOptions,
  type TrainedTokenizer,
  type TrainingProgress,
  trainByteLevelBpe,
} from "./train-bpe.ts";
export { type TrainCharOptions, trainCharTokenizer } from "./train-char.ts";
