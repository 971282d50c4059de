/** The tokens of one split, all its documents one after the other, readable at any position. */
export interface TokenSequence {
  readonly length: number;
  readonly documentCount: number;
  /** UTF-8 bytes of a token; 0 for the one that ends a document. Absent if the encoder does not say. */
  readonly tokenByteLength?: ((id: number) => number) | undefined;
  /**
   * Reads `tokens.length` ids from `position` on, all of which must exist.
   * @param starts - of the same length: set to 1 where a document begins, else to 0
   */
  read(position: number, tokens: Int32Array, starts?: Uint8Array): void;
  /** Releases the file, if there is one. */
  close(): void;
}

/** What the ids of a split are written to: memory or a file. */
export interface TokenSink {
  /** @param startsDocument - whether the first of these ids begins a document */
  append(ids: ArrayLike<number>, startsDocument: boolean): void | Promise<void>;
}
