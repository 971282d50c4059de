import { createHash } from "node:crypto";
import { TokenizerError } from "../errors.ts";
import type { CorpusProgress } from "./corpus.ts";
import { readCorpus } from "./corpus.ts";
import { type WordBudgets, WordCounter } from "./word-counter.ts";
import type { WordCounts } from "./word-counts.ts";
import { WORD_SPLITTER_NAMES, type WordSplitterName } from "./word-splitter.ts";

export interface CountWordsOptions extends WordBudgets {
  /** How texts are cut into words: what the tokenizer to be trained does. Default `gpt2`. */
  readonly preTokenizer?: WordSplitterName;
  /** Threads that count, where there is the native library. Default: as many as the machine has processors, 8 at most. */
  readonly threads?: number | undefined;
  /** Size of the corpus, if it is known: progress then tells the time left. */
  readonly totalBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CorpusProgress) => void) | undefined;
}

/**
 * Counts the words of a stream of texts, each of which is let go once it is counted.
 *
 * @returns counts that the caller disposes of
 * @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_COUNT_OVERFLOW`; StorageError if counts do not fit into
 * memory and cannot be written to disk; the reason of `signal` if it is aborted. Nothing is left on disk then.
 */
export async function countWords(
  texts: AsyncIterable<string> | Iterable<string>,
  { preTokenizer = "gpt2", totalBytes, onProgress, ...options }: CountWordsOptions = {},
): Promise<WordCounts> {
  if (!WORD_SPLITTER_NAMES.includes(preTokenizer)) {
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `preTokenizer: expected one of ${WORD_SPLITTER_NAMES.join(", ")}, got ${JSON.stringify(preTokenizer)}`,
    );
  }
  return withCounter(preTokenizer, options, async (counter) =>
    readCorpus(texts, (text, utf8) => counter.addText(text, utf8), { signal: options.signal, onProgress, totalBytes }),
  );
}

/**
 * Adds up counts of parts of a corpus, in any order with the same result.
 *
 * @returns counts that the caller disposes of, as of the parts
 * @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID` for parts whose texts were cut in different ways, or none;
 * `TOKENIZER_COUNT_OVERFLOW`
 */
export async function mergeWordCounts(
  parts: readonly WordCounts[],
  options: WordBudgets & { readonly signal?: AbortSignal } = {},
): Promise<WordCounts> {
  const names = [...new Set(parts.map((part) => part.header.pre_tokenizer))];
  if (names.length !== 1) {
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `counts: expected one or more with the same pre_tokenizer, got ${names.join(", ") || "none"}`,
    );
  }
  return withCounter(names[0]!, options, async (counter) => {
    let documents = 0;
    let bytes = 0;
    for (const part of parts) {
      await counter.addCounts(part.cursor());
      counter.addPruned(part.header.pruned);
      documents += part.header.corpus.documents;
      bytes += part.header.corpus.bytes;
    }
    const hashes = parts.map((part) => `${part.header.corpus.sha256}\n`).sort();
    const sha256 = createHash("sha256").update(hashes.join("")).digest("hex");
    return { documents, bytes, sha256 };
  });
}

async function withCounter(
  name: WordSplitterName,
  options: WordBudgets & { readonly signal?: AbortSignal | undefined },
  fill: (counter: WordCounter) => Promise<WordCounts["header"]["corpus"]>,
): Promise<WordCounts> {
  const counter = new WordCounter(name, options);
  try {
    return await counter.finish(await fill(counter));
  } catch (error) {
    await counter.dispose().catch(() => {}); // there is already an error on its way to the user
    throw error;
  }
}
