import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { listInputFiles } from "@codex/data";
import { openWordCounts, TokenizerError } from "@codex/tokenization";
import { openTrainer, type TrainTokenizerRequest } from "./tokenizer-trainer.ts";

export interface TokenizerTrainingPlan {
  readonly kind: string;
  /** Of the tokenizer; what was not given has its default. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly output: string;
  /** Whether there is a tokenizer already, which training would replace. */
  readonly replaces: boolean;
  /** What would be read, in this order: texts with their size on disk, or counts with the size of the text that was counted. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Of all files. */
  readonly bytes: number;
}

/**
 * Checks all that can be checked without reading the texts, and says what `trainTokenizer` would do. Writes nothing.
 * @throws what training would throw for the same request before it reads
 */
export async function planTokenizerTraining(request: TrainTokenizerRequest): Promise<TokenizerTrainingPlan> {
  const { directory = process.cwd(), input, counts = [] } = request;
  const { kind, settings, train } = await openTrainer(request);
  const files = input === undefined ? await countFiles(counts, directory) : await listInputFiles(input, directory);
  // A trainer checks its settings before it reads: of nothing to read that is all that is left to complain about.
  await train([], {}).catch((error: unknown) => {
    if (!(error instanceof TokenizerError) || error.code !== "TOKENIZER_CORPUS_EMPTY") throw error;
  });
  return {
    kind,
    settings,
    output: request.output,
    replaces: existsSync(join(resolve(directory, request.output), "tokenizer.json")),
    files,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  };
}

async function countFiles(paths: readonly string[], directory: string): Promise<TokenizerTrainingPlan["files"]> {
  const files: { path: string; bytes: number }[] = [];
  for (const path of paths) {
    const counts = await openWordCounts(resolve(directory, path));
    files.push({ path, bytes: counts.header.corpus.bytes });
    await counts.dispose();
  }
  return files;
}
