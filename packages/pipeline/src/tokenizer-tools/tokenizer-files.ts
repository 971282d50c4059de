import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Tokenizer, TokenizerManifest } from "@codex/tokenization";

/** Which files a tokenizer is made of, and which are not there. */
export interface TokenizerFilesReport {
  /** Their folder. */
  readonly directory: string;
  readonly files: readonly string[];
  /** Of those that Hugging Face tools look for: without them it is read all the same, but its special tokens have no roles. */
  readonly missingFiles: readonly string[];
  /** What a trained tokenizer says about itself; loading has checked that it is of this `tokenizer.json`. */
  readonly manifest: {
    readonly trainer: string;
    readonly corpusFiles: number;
    /** Files of the corpus that do not lie where they lay, seen from the working directory. */
    readonly missingCorpusFiles: readonly string[];
  } | null;
}

const COMPANIONS = ["tokenizer_config.json", "special_tokens_map.json"];
const MANIFEST = "tokenizer_manifest.json";

export async function reportFiles(
  path: string,
  tokenizer: Tokenizer,
  directory: string = process.cwd(),
): Promise<TokenizerFilesReport> {
  const isFolder = (await stat(path)).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const isJson = isFolder ? existsSync(join(folder, "tokenizer.json")) : path.endsWith(".json");
  // A model of another format brings everything along in its one file.
  if (!isJson) return { directory: folder, files: isFolder ? [] : [basename(path)], missingFiles: [], manifest: null };
  const main = isFolder ? "tokenizer.json" : basename(path);
  const isThere = (name: string): boolean => existsSync(join(folder, name));
  return {
    directory: folder,
    files: [main, ...[...COMPANIONS, MANIFEST].filter(isThere)],
    missingFiles: COMPANIONS.filter((name) => !isThere(name)),
    manifest: manifestOf(tokenizer, directory),
  };
}

function manifestOf(tokenizer: Tokenizer, directory: string): TokenizerFilesReport["manifest"] {
  const text = tokenizer.saveFiles()[MANIFEST];
  if (text === undefined) return null;
  const { trainer, corpus }: Partial<TokenizerManifest> = JSON.parse(text);
  const inputs = corpus?.inputs ?? [];
  return {
    trainer: trainer?.name ?? "unknown",
    corpusFiles: inputs.length,
    missingCorpusFiles: inputs.map(({ path }) => path).filter((path) => !existsSync(resolve(directory, path))),
  };
}
