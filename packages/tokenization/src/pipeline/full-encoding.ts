import type { EncodeOptions } from "../tokenizer.ts";
import type { SamplingOptions } from "./models/model.ts";

/** What offsets count: UTF-16 units, as JavaScript does; code points, as Python does; or bytes of UTF-8, as Rust does. */
export type OffsetUnit = "utf16" | "codePoints" | "bytes";

export interface TruncationOptions {
  /** Tokens in a row, with those that the post-processor adds. */
  readonly maxLength: number;
  /** What is cut: the longer of text and pair (default), or one of the two only. */
  readonly strategy?: "longest_first" | "only_first" | "only_second";
  /** Tokens that a part that overflowed has in common with the part before it. Default 0. */
  readonly stride?: number;
  /** The side that is cut off. Default `right`. */
  readonly side?: "left" | "right";
}

export interface PaddingOptions {
  /** Tokens in a row, or `longest` (default): as many as the longest row has. */
  readonly length?: number | "longest";
  /** Rounds the length up. Default 1. */
  readonly multipleOf?: number;
  /** Default `right`. */
  readonly side?: "left" | "right";
  /** Default: the pad token's. */
  readonly id?: number;
  /** Default: the pad token, or what has the id. */
  readonly token?: string;
  /** Default 0. */
  readonly typeId?: number;
}

/** The `truncation` and `padding` of the file are not applied, as in transformers. */
export interface EncodeFullOptions extends EncodeOptions {
  /** A second text, for models that read two. */
  readonly pair?: string;
  /** Default `utf16`. */
  readonly offsets?: OffsetUnit;
  readonly truncation?: TruncationOptions;
  readonly padding?: PaddingOptions;
  /** Unigram models: draws a segmentation instead of taking the best. */
  readonly sampling?: SamplingOptions;
  /** Begins the stream of random numbers of `sampling`, and of a BPE model with dropout. Default 0. */
  readonly seed?: number;
}

/** Tokens in columns, one entry per token. */
export interface FullEncoding {
  readonly ids: Uint32Array;
  /** 0 for the text and 1 for its pair, unless the post-processor says otherwise. */
  readonly typeIds: Uint32Array;
  readonly tokens: readonly string[];
  /** Where the token came from: start and end, in the text or, where `sequenceIds` is 1, in the pair. [0, 0] for added ones. */
  readonly offsets: readonly (readonly [start: number, end: number])[];
  /** The piece that the token is part of, counted from the start of its text; null for added tokens. */
  readonly wordIds: readonly (number | null)[];
  /** 0: the text, 1: the pair, null: an added token. */
  readonly sequenceIds: readonly (number | null)[];
  /** 1 for tokens that the post-processor or padding added. */
  readonly specialTokensMask: Uint8Array;
  /** 0 for padding. */
  readonly attentionMask: Uint8Array;
  /** What truncation cut off, in parts of the same length. */
  readonly overflowing: readonly FullEncoding[];
}
