import { join, resolve } from "node:path";
import { makeDirectory, writeFileDurably } from "@codex/storage";
import type { PrunedWords, TrainedTokenizer } from "@codex/tokenization";
import type { TokenizerTrainingContext } from "@codex/tokenization/registry";
import { withCountFiles } from "./tokenizer-counts.ts";
import { textInput } from "./tokenizer-tools/text-input.ts";
import { openTrainer, type TokenizerTrainer, type TrainTokenizerRequest } from "./tokenizer-tools/tokenizer-trainer.ts";

export interface TrainedTokenizerFiles {
  readonly directory: string;
  readonly vocabSize: number;
  /** Of the text that it was trained on. */
  readonly bytes: number;
  /** What was left out because the disk budget was used up. */
  readonly pruned?: PrunedWords;
  /** The files that were written. */
  readonly files: readonly string[];
}

/**
 * Trains a tokenizer on text files and writes it as a Hugging Face folder with a manifest of corpus and result.
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID` for one that needs no training
 */
export async function trainTokenizer(request: TrainTokenizerRequest): Promise<TrainedTokenizerFiles> {
  const { directory = process.cwd() } = request;
  const tokenizer = await train(await openTrainer(request), request, directory);
  const output = resolve(directory, request.output);
  await makeDirectory(output);
  const files = tokenizer.saveFiles();
  for (const [name, contents] of Object.entries(files)) await writeFileDurably(join(output, name), contents);
  const { bytes, pruned } = tokenizer.manifest.corpus;
  return {
    directory: request.output,
    vocabSize: tokenizer.vocabSize,
    bytes,
    ...(pruned === undefined ? {} : { pruned }),
    files: Object.keys(files),
  };
}

async function train(
  trainer: TokenizerTrainer,
  request: TrainTokenizerRequest,
  directory: string,
): Promise<TrainedTokenizer> {
  const context = trainingContext(request);
  if (request.counts !== undefined) {
    return withCountFiles(request.counts, directory, (words) => trainer.train(words, context));
  }
  const source = textInput(request.input!, { ...request, directory });
  const texts = async function* (): AsyncGenerator<string> {
    for await (const { text } of source.documents()) yield text;
  };
  return trainer.train(texts(), { ...context, inputs: await source.inputs() });
}

function trainingContext(request: TrainTokenizerRequest): TokenizerTrainingContext {
  const { memoryBudgetBytes, diskBudgetBytes, temporaryDirectory, onPrune, threads, signal, onProgress } = request;
  const given = { memoryBudgetBytes, diskBudgetBytes, temporaryDirectory, onPrune, threads, signal, onProgress };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
