import { dirname, resolve } from "node:path";
import { listInputFiles } from "@codex/data";
import { makeDirectory } from "@codex/storage";
import {
  type CountWordsOptions,
  countWords,
  mergeWordCounts,
  openWordCounts,
  type WordBudgets,
  type WordCounts,
  type WordSplitterName,
} from "@codex/tokenization";
import { PipelineError } from "./errors.ts";
import { type TextInputOptions, textInput } from "./tokenizer-tools/text-input.ts";

export interface CountWordsRequest extends TextInputOptions, WordBudgets {
  /** Files, folders or globs: the corpus, or a part of it. */
  readonly input: readonly string[];
  /** The file to write. */
  readonly output: string;
  /** How texts are cut: that of the tokenizer to be trained. Default `gpt2`. */
  readonly preTokenizer?: WordSplitterName;
  /** Threads, where there is the native library. The counts do not depend on them. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: CountWordsOptions["onProgress"];
}

/** What `countTokenizerWords` would do. */
export interface CountWordsPlan {
  readonly output: string;
  readonly preTokenizer: WordSplitterName;
  /** What would be read, in this order, with its size on disk. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Of all files. */
  readonly bytes: number;
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
  const { directory = process.cwd(), input, output, format, unit, column, ...options } = request;
  const source = textInput(input, { directory, format, unit, column });
  const texts = async function* (): AsyncGenerator<string> {
    for await (const document of source.documents()) yield document.text;
  };
  const files = await listInputFiles(input, directory);
  const totalBytes = files.some(({ path }) => path.endsWith(".gz")) ? undefined : sizeOf(files);
  const counts = await countWords(texts(), { ...options, totalBytes });
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

/** @throws {DataError} `DATA_FILE_NOT_FOUND` */
export async function planTokenizerCount(request: CountWordsRequest): Promise<CountWordsPlan> {
  const { directory = process.cwd(), input, output, preTokenizer = "gpt2" } = request;
  const files = await listInputFiles(input, directory);
  return { output, preTokenizer, files, bytes: sizeOf(files) };
}

function sizeOf(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
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
