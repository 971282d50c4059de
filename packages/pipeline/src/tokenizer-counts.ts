import { dirname, resolve } from "node:path";
import { createTextSource } from "@codex/data";
import { makeDirectory } from "@codex/storage";
import {
  countWords,
  mergeWordCounts,
  openWordCounts,
  type WordCounts,
  type WordSplitterName,
} from "@codex/tokenization";
import { PipelineError } from "./errors.ts";

export interface CountWordsRequest {
  /** Files, folders or globs: the corpus, or a part of it. */
  readonly input: readonly string[];
  /** The file to write. */
  readonly output: string;
  /** How texts are cut: that of the tokenizer to be trained. Default `gpt2`. */
  readonly preTokenizer?: WordSplitterName;
  readonly memoryBudgetBytes?: number;
  readonly diskBudgetBytes?: number;
  readonly directory?: string;
  readonly signal?: AbortSignal;
}

export interface CountedWords {
  readonly file: string;
  readonly documents: number;
  /** Of the input. */
  readonly bytes: number;
  readonly words: number;
}

/**
 * Counts the words of text files into a file that `trainTokenizer` trains from, alone or with the counts of other parts.
 * @throws {TokenizerError} of `countWords`
 */
export async function countTokenizerWords(request: CountWordsRequest): Promise<CountedWords> {
  const { directory = process.cwd(), input, output, ...options } = request;
  const source = createTextSource({ path: [...input] }, { directory });
  const texts = async function* (): AsyncGenerator<string> {
    for await (const document of source.documents()) yield document.text;
  };
  const counts = await countWords(texts(), options);
  try {
    const file = resolve(directory, output);
    await makeDirectory(dirname(file));
    const { words } = await counts.save(file);
    const { documents, bytes } = counts.header.corpus;
    return { file: output, documents, bytes, words };
  } finally {
    await counts.dispose();
  }
}

/** The counts of these files together, for `use`. */
export async function withCountFiles<Result>(
  files: readonly string[],
  directory: string,
  use: (counts: WordCounts) => Promise<Result>,
): Promise<Result> {
  if (files.length === 0) throw new PipelineError("PIPELINE_CONFIG_INVALID", "counts: expected at least one file");
  const opened: WordCounts[] = [];
  try {
    for (const file of files) opened.push(await openWordCounts(resolve(directory, file)));
    if (opened.length > 1) opened.push(await mergeWordCounts(opened));
    return await use(opened.at(-1)!);
  } finally {
    for (const counts of opened) await counts.dispose();
  }
}
