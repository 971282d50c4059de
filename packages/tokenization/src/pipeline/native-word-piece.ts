import type { JsonObject } from "../json-reader.ts";
import { nativeLibrary } from "../native/binding.ts";
import type { NativeTextEncoder } from "../native/word-piece-binding.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";
import { encodeUtf8, loneSurrogateIndex } from "../utf8.ts";
import { characterTable } from "./character-table.ts";
import { readWordPieceOptions } from "./models/word-piece.ts";

const MAX_LENGTH = 0xffffffff;

/**
 * Normalizer, pre-tokenizer and model of a WordPiece pipeline in one, by the native library.
 * @param blocked - ids that no text may make
 * @returns undefined where there is no library, or the pipeline is one that it does not have
 */
export function nativeWordPiece(
  json: TokenizerJson,
  vocab: ReadonlyMap<string, number>,
  blocked: ReadonlySet<number>,
): NativeTextEncoder | undefined {
  const { binding } = nativeLibrary();
  if (binding === undefined) return undefined;
  const { unkToken, prefix, maxCharacters } = readWordPieceOptions(json.model as JsonObject);
  const unknown = vocab.get(unkToken);
  if (unknown === undefined) return undefined;
  const tokens = [...vocab].filter(([, id]) => !blocked.has(id));
  // Half of a pair could match half of a character.
  if (loneSurrogateIndex(prefix) >= 0 || tokens.some(([token]) => loneSurrogateIndex(token) >= 0)) return undefined;
  const table = characterTable(json.normalizer, json.pre_tokenizer);
  if (table === undefined) return undefined;
  const tokenOffsets = new Uint32Array(tokens.length + 1);
  tokens.forEach(([token], index) => {
    tokenOffsets[index + 1] = tokenOffsets[index]! + Buffer.byteLength(token);
  });
  return new binding.NativeWordPiece({
    ...table,
    tokenBytes: encodeUtf8(tokens.map(([token]) => token).join("")),
    tokenOffsets,
    tokenIds: Uint32Array.from(tokens, ([, id]) => id),
    prefix: encodeUtf8(prefix),
    unknown,
    longestWord: Math.min(maxCharacters, MAX_LENGTH),
  });
}
