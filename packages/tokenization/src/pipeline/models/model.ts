/** A token of a piece. Offsets are bytes of UTF-8 in the piece, as in the Rust library; a model that drops characters gives the same as there. */
export interface ModelToken {
  readonly id: number;
  readonly token: string;
  readonly start: number;
  readonly end: number;
}

/** Numbers from 0 to 1, of a stream that a seed begins; absent where a model is to make no random choice. */
export type RandomStream = () => number;

export interface Model {
  /** @throws {TokenizerError} `TOKENIZER_UNKNOWN_CHARACTER` where it needs a token for unknown text and has none */
  tokenize(piece: string, random?: RandomStream): readonly ModelToken[];
  /** Whether the same piece always gives the same tokens. */
  readonly isDeterministic: boolean;
}
