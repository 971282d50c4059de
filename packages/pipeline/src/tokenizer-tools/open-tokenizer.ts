import { loadTokenizer, type TiktokenPatternName, type Tokenizer } from "@codex/tokenization";
import { PipelineError } from "../errors.ts";

/** Which tokenizer is meant, and what a tiktoken rank file does not say of itself. */
export interface TokenizerReference {
  /** A `tokenizer.json`, a SentencePiece `.model`, a tiktoken rank file, or a folder that holds one. */
  readonly path: string;
  /** Of a rank file: `gpt2`, `cl100k_base`, `o200k_base`, or a regular expression. */
  readonly pattern?: string;
  /** Of a rank file: `<|endoftext|>=100257`. */
  readonly specialToken?: readonly string[];
}

const PATTERNS: readonly string[] = ["gpt2", "cl100k_base", "o200k_base"] satisfies TiktokenPatternName[];

/** @throws {TokenizerError} as `loadTokenizer`; {PipelineError} `PIPELINE_CONFIG_INVALID` for a special token without an id */
export function openTokenizer({ path, pattern, specialToken = [] }: TokenizerReference): Promise<Tokenizer> {
  if (pattern === undefined) return loadTokenizer(path);
  const specialTokens = Object.fromEntries(
    specialToken.map((entry) => {
      const [, token, id] = /^(.+)=(\d+)$/s.exec(entry) ?? [];
      if (token === undefined) {
        throw new PipelineError(
          "PIPELINE_CONFIG_INVALID",
          `--special-token: expected token=id, got ${JSON.stringify(entry)}`,
        );
      }
      return [token, Number(id)];
    }),
  );
  const named = PATTERNS.includes(pattern) ? (pattern as TiktokenPatternName) : { regex: pattern };
  return loadTokenizer(path, { tiktoken: { pattern: named, specialTokens } });
}
