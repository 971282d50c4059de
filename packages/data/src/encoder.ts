/** What this package asks of a tokenizer. */
export interface TokenEncoder {
  /** The ids of a text, without added tokens; each in 0 .. vocabSize - 1. */
  encode(text: string): ArrayLike<number>;
  readonly vocabSize: number;
  /** Ends every document, where there is one. */
  readonly endOfTextId?: number;
  /** By id: the UTF-8 bytes that a token stands for. With it batches carry `byteCount`, for bits per byte. */
  readonly tokenByteLengths?: ArrayLike<number>;
}
