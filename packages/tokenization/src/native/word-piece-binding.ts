/** WordPiece of the addon, as `crates/tokenizer-napi/src/wordpiece.rs` exports it. */
export interface WordPieceBinding {
  readonly NativeWordPiece: new (options: NativeWordPieceOptions) => NativeTextEncoder;
}

export interface NativeWordPieceOptions {
  readonly firsts: Uint32Array;
  readonly actions: Uint32Array;
  readonly lists: Uint32Array;
  readonly listStarts: Uint32Array;
  /** UTF-8 of all tokens, one after the other. */
  readonly tokenBytes: Uint8Array;
  /** Where each starts, and one more at the end. */
  readonly tokenOffsets: Uint32Array;
  readonly tokenIds: Uint32Array;
  /** UTF-8. */
  readonly prefix: Uint8Array;
  /** Id of a word that is not made of tokens. */
  readonly unknown: number;
  /** Characters; a longer word is unknown. */
  readonly longestWord: number;
}

/** Ids of whole texts, unless a text needs what only the TypeScript code does. */
export interface NativeTextEncoder {
  /** @returns null for such a text */
  encode(text: string): Uint32Array | null;
  /** `left`: the texts, by index, that have no ids for that reason. */
  encodeBatch(texts: readonly string[], threads: number): { ids: Uint32Array; offsets: Uint32Array; left: Uint32Array };
}
