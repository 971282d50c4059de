import { TokenizerError } from "./errors.ts";
import { parseHfTokenizer, wasSavedByAdapter } from "./hf-tokenizer.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { atPath, readTokenizerFiles } from "./tokenizer-files.ts";

/**
 * Loads a tokenizer from a directory with a `tokenizer.json`, or from such a file; the files beside it
 * (`tokenizer_config.json`, `special_tokens_map.json`, `tokenizer_manifest.json`) are read where they are. Whatever this
 * package saved is read by what saved it. Other files are read natively, and those that would need more than this
 * package does by `@huggingface/tokenizers`: `kind` is then `hf`.
 *
 * @throws {TokenizerError} `TOKENIZER_FILE_MISSING`, and what `parseTokenizer` throws, with the path in front
 */
export async function loadTokenizer(directoryOrFile: string): Promise<Tokenizer> {
  const { path, json, options } = await readTokenizerFiles(directoryOrFile);
  return atPath(path, async () => {
    if (wasSavedByAdapter(options.config)) return parseHfTokenizer(json, options);
    try {
      return parseTokenizer(json, options);
    } catch (error) {
      if (!(error instanceof TokenizerError) || error.code !== "TOKENIZER_UNSUPPORTED") throw error;
      return parseHfTokenizer(json, options).catch((failure: Error) => {
        const help = `@huggingface/tokenizers cannot read it either: ${failure.message}`;
        throw new TokenizerError(error.code, error.message, { cause: error, help });
      });
    }
  });
}
