import { TokenizerError } from "./errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * `tokenByteLength` of every id, for those who sum over many. 0 where a vocabulary has a hole.
 * @throws {TokenizerError} `TOKENIZER_UNSUPPORTED` where tokens have no bytes of their own
 */
export function tokenByteLengths(tokenizer: Tokenizer): Uint32Array {
  const lengthOf = byteLengthOf(tokenizer);
  return Uint32Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    tokenizer.idToToken(id) === undefined ? 0 : lengthOf(id),
  );
}

/**
 * Bytes of UTF-8 that ids stand for: the denominator of bits per byte. Negative ids are passed over, so that labels with
 * their -100 can be given as they are; special tokens are no bytes.
 * @throws {TokenizerError} `TOKENIZER_UNSUPPORTED`, `TOKENIZER_UNKNOWN_ID`
 */
export function totalByteLength(tokenizer: Tokenizer, ids: ArrayLike<number>): number {
  const lengthOf = byteLengthOf(tokenizer);
  let total = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i]! >= 0) total += lengthOf(ids[i]!);
  return total;
}

function byteLengthOf(tokenizer: Tokenizer): (id: number) => number {
  if (tokenizer.tokenByteLength !== undefined) return (id) => tokenizer.tokenByteLength!(id);
  throw new TokenizerError(
    "TOKENIZER_UNSUPPORTED",
    `bytes of tokens: expected a tokenizer whose tokens have bytes of their own, got one of kind ${tokenizer.kind}`,
    { help: "Count the bytes of the text instead." },
  );
}
