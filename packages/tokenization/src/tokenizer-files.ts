import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TokenizerError } from "./errors.ts";
import type { ParseTokenizerOptions } from "./parse-tokenizer.ts";

/**
 * The contents of a directory with a `tokenizer.json`, or of such a file and those beside it.
 * @throws {TokenizerError} `TOKENIZER_FILE_MISSING`, `TOKENIZER_FILE_INVALID` for what is not JSON
 */
export async function readTokenizerFiles(
  directoryOrFile: string,
): Promise<{ path: string; json: unknown; options: ParseTokenizerOptions }> {
  const isDirectory = await stat(directoryOrFile).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const path = isDirectory ? join(directoryOrFile, "tokenizer.json") : directoryOrFile;
  const json = await readJson(path);
  if (json === undefined) {
    throw new TokenizerError("TOKENIZER_FILE_MISSING", `${path}: expected a tokenizer.json, found nothing`, {
      help: "Name a directory that holds one (a run, a checkpoint, a downloaded model), or the file itself.",
    });
  }
  const beside = (name: string): Promise<unknown> => readJson(join(dirname(path), name));
  const config = await beside("tokenizer_config.json");
  const specialTokensMap = await beside("special_tokens_map.json");
  const manifest = await beside("tokenizer_manifest.json");
  return {
    path,
    json,
    options: {
      ...(config === undefined ? {} : { config }),
      ...(specialTokensMap === undefined ? {} : { specialTokensMap }),
      ...(manifest === undefined ? {} : { manifest }),
    },
  };
}

/** Puts the path in front of what a parser complains about. */
export async function atPath<Result>(path: string, parse: () => Promise<Result>): Promise<Result> {
  try {
    return await parse();
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    const help = error.help === undefined ? {} : { help: error.help };
    throw new TokenizerError(error.code, `${path}: ${error.message}`, { cause: error, ...help });
  }
}

/** @returns undefined if there is no such file */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TokenizerError("TOKENIZER_FILE_MISSING", `${path}: cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError("TOKENIZER_FILE_INVALID", `${path}: expected JSON, got: ${(cause as Error).message}`, {
      cause,
    });
  }
}
