import type { Command } from "commander";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

/** What a tiktoken rank file does not say. */
export interface TokenizerFlags extends SharedOptions {
  readonly pattern?: string;
  readonly specialToken?: string[];
}

/** `--pattern` and `--special-token`, for tiktoken rank files, with the options that every command takes. */
export function withTokenizerOptions(command: Command): Command {
  return withSharedOptions(command)
    .option("--pattern <name>", "of a tiktoken file: gpt2, cl100k_base, o200k_base, or a regular expression")
    .option("--special-token <token=id...>", "of a tiktoken file: its special tokens");
}

/** The tokenizer that is meant. */
export function reference(path: string, { pattern, specialToken }: TokenizerFlags) {
  return {
    path,
    ...(pattern === undefined ? {} : { pattern }),
    ...(specialToken === undefined ? {} : { specialToken }),
  };
}

export const TOKENIZER_ARGUMENT =
  "a tokenizer.json, a SentencePiece .model, a tiktoken file, or a folder that holds one";
