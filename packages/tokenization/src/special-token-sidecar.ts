/** Special tokens beside a SentencePiece model, which has no place for later ones: `<prefix>.special_tokens.json`, `{ "token": id }`. */
import { writeFileDurably } from "@codex/storage";
import { withSpecialTokens } from "./add-special-tokens.ts";
import { serializeJson } from "./base-tokenizer.ts";
import { asArray, asId, asObject, asString, invalid } from "./json-reader.ts";
import { specialTokenList } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { readJson } from "./tokenizer-files.ts";

/** @param modelPath - of a `.model` */
export function sidecarPath(modelPath: string): string {
  return `${modelPath.replace(/\.model$/, "")}.special_tokens.json`;
}

/**
 * Writes the special tokens that a model was given later; `loadTokenizer` reads them with it.
 * @throws {StorageError} if it cannot be written; what was there before then still is
 */
export async function saveSpecialTokens(modelPath: string, ids: Readonly<Record<string, number>>): Promise<string> {
  const path = sidecarPath(modelPath);
  await writeFileDurably(path, serializeJson(readIds(ids, path, 0)));
  return path;
}

/**
 * The tokenizer of a model with the special tokens of its sidecar, where it has one.
 * @throws {TokenizerError} `TOKENIZER_FILE_INVALID`; `TOKENIZER_SPECIAL_TOKEN_CONFLICT` for a name or an id that another token has
 */
export async function withSidecar(tokenizer: Tokenizer, modelPath: string): Promise<Tokenizer> {
  const path = sidecarPath(modelPath);
  const contents = await readJson(path);
  if (contents === undefined) return tokenizer;
  return withSpecialTokens(tokenizer, readIds(contents, path, tokenizer.vocabSize));
}

/** @param next - the first id of a list, which older programs wrote */
function readIds(contents: unknown, path: string, next: number): Record<string, number> {
  const entries = Array.isArray(contents)
    ? asArray(contents, path).map((token, index) => [asString(token, `${path}[${index}]`), next + index] as const)
    : Object.entries(asObject(contents, path)).map(
        ([token, id]) => [token, asId(id, `${path}: ${JSON.stringify(token)}`)] as const,
      );
  const names = specialTokenList({ additional: entries.map(([token]) => token) });
  if (names.length < entries.length) invalid(path, "each token once", contents);
  return Object.fromEntries(entries);
}
