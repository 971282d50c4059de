/** What this package asks of a tokenizer. One of `@codex/tokenization` is this as it stands. */
export interface TokenEncoder {
  /** The ids of a text, each in 0 .. vocabSize - 1. It is called with `addSpecialTokens: false`. */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): ArrayLike<number>;
  readonly vocabSize: number;
  /** Ends every document, where there is one. */
  readonly endOfTextId?: number;
  /** The UTF-8 bytes that a token stands for. With it batches carry `byteCount`, for bits per byte. */
  tokenByteLength?(id: number): number;
}
