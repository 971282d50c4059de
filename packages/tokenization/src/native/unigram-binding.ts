/** Unigram vocabularies, as `crates/tokenizer-napi` exports their training and their encoder. */
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
  /** @throws what is refused: tables that do not fit each other, or are too large */
  readonly NativeUnigramEncoder: new (
    options: NativeUnigramOptions,
  ) => NativeUnigramEncoder;
}

export interface NativeUnigramOptions extends NativePreprocessing {
  /** UTF-8 of the tokens, where each starts and one more at the end, and their ids. */
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  readonly ids: Uint32Array;
  /** By id. */
  readonly scores: Float64Array;
  /** Absent: texts with an unknown character are not encoded. In `byteIds`, 2^32 - 1 stands for a byte without a token. */
  readonly unknown?: { readonly id: number; readonly score: number; readonly byteIds?: Uint32Array };
}

/** What happens to a text before the model. */
export interface NativePreprocessing {
  readonly steps: readonly NativeStep[];
  readonly splitsWhiteSpace: boolean;
  readonly metaspace?: {
    readonly replacement: string;
    readonly prepend: "always" | "first" | "never";
    readonly split: boolean;
  };
}

/** A step of normalization; `units`: unit by unit, as it was learned. */
export type NativeStep =
  | { readonly kind: "units" }
  | { readonly kind: "replace"; readonly find: string; readonly content: string }
  | { readonly kind: "replaceSpaces"; readonly content: string }
  | { readonly kind: "strip"; readonly left: boolean; readonly right: boolean }
  | { readonly kind: "prepend"; readonly content: string };

export interface NativeUnigramEncoder {
  /** Null: a unit of the text is not known yet, or, if `unknownUnits` has none, the text is for the caller. */
  encode(text: string, isFirst: boolean): Uint32Array | null;
  /** `left`: texts without ids, for the reasons above. */
  encodeBatch(texts: readonly string[], threads: number): NativeBatch;
  /** Units that were met since it was last asked and are not known. */
  unknownUnits(): string[];
  /** What units become; `flags`: see text-units.ts. */
  learn(units: readonly string[], forms: readonly string[], flags: Uint8Array): void;
}

export interface NativeBatch {
  readonly ids: Uint32Array;
  readonly offsets: Uint32Array;
  /** Texts without ids, by index, in ascending order. */
  readonly left: Uint32Array;
}
