import { TokenizerError } from "./errors.ts";
import { readForeignTokenizer } from "./formats/read-format.ts";
import { runSelfTest } from "./formats/self-test.ts";
import type { TiktokenOptions } from "./formats/tiktoken-to-json.ts";
import { parseHfTokenizer, wasSavedByAdapter } from "./hf-tokenizer.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { withSidecar } from "./special-token-sidecar.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { atPath, readTokenizerFiles } from "./tokenizer-files.ts";

export interface LoadTokenizerOptions {
  /** What a tiktoken rank file does not say: its pattern and its special tokens. Needed for such a file, and for no other. */
  readonly tiktoken?: TiktokenOptions | undefined;
}

/**
 * Loads a tokenizer from a directory with a `tokenizer.json`, or from such a file; the files beside it
 * (`tokenizer_config.json`, `special_tokens_map.json`, `tokenizer_manifest.json`) are read where they are. Whatever this
 * package saved is read by what saved it, the adapter of `@huggingface/tokenizers` included (`kind` is then `hf`).
 *
 * A SentencePiece `.model` or a tiktoken rank file (`.tiktoken`, `.model`) is taken too, by itself or as the one in a directory without a
 * `tokenizer.json`; the samples that a `.model` brings along must come out as it says, and `<prefix>.special_tokens.json` beside it has
 * its later special tokens.
 *
 * @throws {TokenizerError} `TOKENIZER_FILE_MISSING`, `TOKENIZER_SELF_TEST_FAILED`, and what `parseTokenizer` throws, with the path in front
 */
export async function loadTokenizer(
  directoryOrFile: string,
  { tiktoken }: LoadTokenizerOptions = {},
): Promise<Tokenizer> {
  const foreign = await readForeignTokenizer(directoryOrFile, tiktoken);
  if (foreign !== undefined) {
    return atPath(foreign.path, async () => {
      const tokenizer = parseTokenizer(foreign.json, { config: foreign.config });
      const [failure] = runSelfTest(tokenizer, foreign.samples);
      if (failure === undefined)
        return foreign.format === "sentencepiece" ? withSidecar(tokenizer, foreign.path) : tokenizer;
      throw new TokenizerError(
        "TOKENIZER_SELF_TEST_FAILED",
        `self_test_data: ${JSON.stringify(failure.input)}: expected ${failure.expected}, got ${failure.got}`,
      );
    });
  }
  const { path, json, options } = await readTokenizerFiles(directoryOrFile);
  return atPath(path, async () => {
    if (wasSavedByAdapter(options.config)) return parseHfTokenizer(json, options);
    return parseTokenizer(json, options);
  });
}
