export {
  createBatchSource,
  createEvaluationSource,
  type PackedBatchSource,
  type PackedEvaluationSource,
  SamplingOptions,
} from "./batches.ts";
export {
  type AssignedDocument,
  type Corpus,
  CorpusOptions,
  type CorpusReading,
  type CorpusStatistics,
  createCorpus,
} from "./corpus.ts";
export { createShakespeareSource } from "./datasets/shakespeare.ts";
export { createTypescriptLibSource } from "./datasets/typescript-lib.ts";
export type { Document, InputFile, InputOptions, TextSource } from "./document.ts";
export type { TokenEncoder } from "./encoder.ts";
export { DataError, type DataErrorCode } from "./errors.ts";
export { listInputFiles } from "./input-files.ts";
export { NormalizationOptions } from "./normalization.ts";
export type { HostBatch } from "./rows.ts";
export { type SplitName, SplitOptions, splitOfText } from "./split.ts";
export { createTextSource, TextSourceOptions } from "./text-source.ts";
export type { TokenSequence } from "./token-sequence.ts";
export { TokenShard, TokenShardWriter } from "./token-shard.ts";
export {
  type DataManifest,
  type TokenizedCorpus,
  type TokenizeOptions,
  type TokenizeProgress,
  tokenizeCorpus,
} from "./tokenize-corpus.ts";
