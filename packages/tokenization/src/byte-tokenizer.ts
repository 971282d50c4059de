import { BpeTokenizer } from "./bpe-tokenizer.ts";
import { byteLevelJson, byteVocab, refuseByteNames } from "./byte-level-json.ts";
import { type SpecialTokenOptions, specialTokenList, tokenizerConfig } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What `createByteTokenizer` and the byte-level trainer use when nothing is said: one token, to stand between documents. */
export const DEFAULT_SPECIAL_TOKENS: SpecialTokenOptions = { eos: "<|endoftext|>" };

/**
 * One id per byte of UTF-8, the byte's value; special tokens from 256 on. Nothing to train.
 * @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_SPECIAL_TOKEN_CONFLICT`
 */
export function createByteTokenizer({
  specialTokens = DEFAULT_SPECIAL_TOKENS,
}: {
  specialTokens?: SpecialTokenOptions;
} = {}): Tokenizer {
  const names = specialTokenList(specialTokens);
  refuseByteNames(names);
  const special = names.map((content, index) => ({ content, id: 256 + index }));
  const vocab = byteVocab((byte) => byte);
  const json = byteLevelJson({
    vocab: [...vocab, ...special.map(({ content, id }) => [content, id] as const)],
    merges: [],
    preTokenizer: "none",
    specialTokens: special,
  });
  return new BpeTokenizer({ json, config: tokenizerConfig(specialTokens) });
}
