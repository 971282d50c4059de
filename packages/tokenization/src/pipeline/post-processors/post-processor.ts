import type { Encoding } from "../encoding.ts";

/** Puts special tokens around what a text and its pair became. */
export interface PostProcessor {
  /** Tokens that it adds. */
  addedTokens(isPair: boolean): number;
  /** @param encodings - of the text, and of its pair if there is one; the result is joined by the caller */
  process(encodings: readonly Encoding[], addSpecialTokens: boolean): Encoding[];
}
