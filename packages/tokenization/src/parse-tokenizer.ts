import type { TokenizerFiles } from "./base-tokenizer.ts";
import { BpeTokenizer } from "./bpe-tokenizer.ts";
import { CharTokenizer, isCharJson } from "./char-tokenizer.ts";
import { TokenizerError } from "./errors.ts";
import { asObject, type JsonObject } from "./json-reader.ts";
import { checkManifest } from "./manifest.ts";
import { PipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { asTokenizerJson } from "./tokenizer-json.ts";

/** The other files of a tokenizer, parsed: without `config`, no token has a role. */
export interface ParseTokenizerOptions {
  /** Contents of `tokenizer_config.json`. */
  readonly config?: unknown;
  /** Contents of `special_tokens_map.json`. */
  readonly specialTokensMap?: unknown;
  /** Contents of `tokenizer_manifest.json`; it must be of this `tokenizer.json`. */
  readonly manifest?: unknown;
}

/**
 * Makes a tokenizer of the contents of a `tokenizer.json`: one of this package, a byte-level BPE of another program whose
 * pieces are cut the way of GPT-2, Llama 3, Qwen 2 or o200k, or, for anything else that Hugging Face tokenizers 0.23 can say, a
 * `PipelineTokenizer`. `truncation` and `padding` in the file are not applied, as in transformers: they are options of
 * `encodeBatch` and `encodeFull`.
 *
 * @throws {TokenizerError} `TOKENIZER_FILE_INVALID`; `TOKENIZER_UNSUPPORTED` for anything that would need more than
 * this package does: never another tokenizer in its place; `TOKENIZER_MANIFEST_MISMATCH`
 */
export function parseTokenizer(json: unknown, options: ParseTokenizerOptions = {}): Tokenizer {
  const files = tokenizerFiles(json, options);
  if (isCharJson(files.json)) return new CharTokenizer(files);
  try {
    return new BpeTokenizer(files);
  } catch (error) {
    if (!(error instanceof TokenizerError) || error.code !== "TOKENIZER_UNSUPPORTED") throw error;
    return new PipelineTokenizer(files);
  }
}

export function tokenizerFiles(json: unknown, options: ParseTokenizerOptions): TokenizerFiles {
  const file = asTokenizerJson(json);
  const optional = (value: unknown, name: string): JsonObject | undefined =>
    value === undefined ? undefined : asObject(value, name);
  const specialTokensMap = optional(options.specialTokensMap, "special_tokens_map.json");
  const manifest = optional(options.manifest, "tokenizer_manifest.json");
  if (manifest !== undefined) checkManifest(manifest, file);
  return {
    json: file,
    config: optional(options.config, "tokenizer_config.json") ?? {},
    ...(specialTokensMap === undefined ? {} : { specialTokensMap }),
    ...(manifest === undefined ? {} : { manifest }),
  };
}
