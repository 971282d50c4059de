import { TokenizerError } from "../errors.ts";
import type { CorpusInput, TokenizerManifest } from "../manifest.ts";
import type { CorpusProgress } from "./corpus.ts";
import { countWords } from "./count-words.ts";
import type { MergeProgress } from "./learn-merges.ts";
import type { WordBudgets } from "./word-counter.ts";
import { WordCounts } from "./word-counts.ts";
import type { WordSplitterName } from "./word-splitter.ts";

/** What a tokenizer is trained on: texts, or words that were counted before, with the pre-tokenizer of the trainer. */
export type TrainingSource = AsyncIterable<string> | Iterable<string> | WordCounts;

export type TrainingProgress =
  | ({ readonly phase: "count" } & CorpusProgress)
  | ({ readonly phase: "merge" } & MergeProgress)
  | { readonly phase: "prune"; readonly pieces: number; readonly vocabSize: number };

/** What all trainers take beside their settings. */
export interface TrainingContext extends WordBudgets {
  /** Files of the corpus, for the manifest. */
  readonly inputs?: readonly CorpusInput[];
  /** Threads that count, where there is the native library. Default: as many as the machine has processors, 8 at most. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * Gives a trainer the counts of its source. Those that are made for it are gone afterwards.
 * @throws {TokenizerError} `TOKENIZER_CORPUS_EMPTY`; `TOKENIZER_OPTIONS_INVALID` for counts of words that were cut otherwise
 */
export async function withWordCounts<Result>(
  source: TrainingSource,
  preTokenizer: WordSplitterName,
  { inputs, onProgress, ...context }: TrainingContext,
  use: (counts: WordCounts) => Promise<Result>,
): Promise<Result> {
  if (source instanceof WordCounts) {
    const counted = source.header.pre_tokenizer;
    if (counted !== preTokenizer) {
      throw new TokenizerError(
        "TOKENIZER_OPTIONS_INVALID",
        `preTokenizer: expected that of the counts, ${counted}, got ${preTokenizer}`,
      );
    }
    return use(refuseEmpty(source));
  }
  const counts = await countWords(source, {
    ...context,
    preTokenizer,
    totalBytes: textBytes(inputs),
    onProgress: (progress) => onProgress?.({ phase: "count", ...progress }),
  });
  try {
    return await use(refuseEmpty(counts));
  } finally {
    await counts.dispose();
  }
}

/** Bytes of text in files, as far as their sizes tell: those of packed files do not. */
function textBytes(inputs: readonly CorpusInput[] = []): number | undefined {
  if (inputs.length === 0 || inputs.some(({ path }) => path.endsWith(".gz"))) return undefined;
  return inputs.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The part of a manifest that tells what was counted. */
export function countedCorpus(counts: WordCounts, inputs: readonly CorpusInput[] = []): TokenizerManifest["corpus"] {
  const { corpus, pruned } = counts.header;
  return { ...corpus, ...(pruned === undefined ? {} : { pruned }), inputs };
}

function refuseEmpty(counts: WordCounts): WordCounts {
  const { documents, bytes } = counts.header.corpus;
  if (bytes > 0) return counts;
  throw new TokenizerError(
    "TOKENIZER_CORPUS_EMPTY",
    `the corpus: expected some text, got ${documents} empty documents`,
  );
}
