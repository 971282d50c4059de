import type { Tokenizer } from "./tokenizer.ts";

/** `tokenByteLength` of every id, for those who sum over many. 0 where a vocabulary has a hole. */
export function tokenByteLengths(tokenizer: Tokenizer): Uint32Array {
  return Uint32Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    tokenizer.idToToken(id) === undefined ? 0 : tokenizer.tokenByteLength(id),
  );
}

/**
 * Bytes of UTF-8 that ids stand for: the denominator of bits per byte. Negative ids are passed over, so that labels with
 * their -100 can be given as they are; special tokens are no bytes.
 */
export function totalByteLength(tokenizer: Pick<Tokenizer, "tokenByteLength">, ids: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i]! >= 0) total += tokenizer.tokenByteLength(ids[i]!);
  return total;
}
