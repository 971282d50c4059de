/** A token of a piece. Offsets are bytes of UTF-8 in the piece, as in the Rust library; a model that drops characters gives the same as there. */
export interface ModelToken {
  readonly id: number;
  readonly token: string;
  readonly start: number;
  readonly end: number;
}

/** Numbers from 0 to 1, of a stream that a seed begins. */
export type RandomStream = () => number;

/** Draws from the segmentations of a Unigram model instead of taking the best. */
export interface SamplingOptions {
  /** 0: all are as likely as each other; the larger, the more often the best comes out. */
  readonly alpha: number;
  /** Draws from that many of the best only. Default: from all. */
  readonly nBest?: number;
}

/** What a random choice of a model rests on. */
export interface Chance {
  readonly random: RandomStream;
  readonly sampling?: SamplingOptions | undefined;
}

export interface Model {
  /** @throws {TokenizerError} `TOKENIZER_UNKNOWN_CHARACTER` where it needs a token for unknown text and has none */
  tokenize(piece: string, chance?: Chance): readonly ModelToken[];
  /** Whether the same piece always gives the same tokens, unless it is sampled. */
  readonly isDeterministic: boolean;
}
