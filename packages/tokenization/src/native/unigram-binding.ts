/** Training of unigram vocabularies, as `crates/tokenizer-napi` exports it. */
export interface UnigramBinding {
  /** @param words - UTF-8; `ends`: where each word ends */
  trainUnigram(
    words: Uint8Array,
    ends: Uint32Array,
    counts: Float64Array,
    settings: {
      readonly pieceCount: number;
      readonly maxPieceLength: number;
      readonly seedCount: number;
      readonly shrinkingFactor: number;
      readonly characterCoverage: number;
      readonly threads: number;
    },
  ): Promise<{ pieces: string[]; scores: Float64Array }>;
}
