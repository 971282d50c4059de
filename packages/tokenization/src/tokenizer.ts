import type { EncodeFullOptions, FullEncoding } from "./pipeline/full-encoding.ts";
import type { TextInput } from "./text-input.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

/** A token that stands for something other than text. */
export interface SpecialToken {
  readonly token: string;
  readonly id: number;
}

/** The special tokens by their role, and those without one. */
export interface SpecialTokens {
  readonly pad?: SpecialToken;
  readonly unk?: SpecialToken;
  readonly bos?: SpecialToken;
  readonly eos?: SpecialToken;
  readonly additional: readonly SpecialToken[];
}

export interface EncodeOptions {
  /** Add what the tokenizer puts around a text (its template), if anything. Default true. */
  readonly addSpecialTokens?: boolean;
  /**
   * Which special tokens may come out of the text itself. With `none`, the default, a user who types `<|endoftext|>`
   * gets those thirteen characters; with `all`, the ids are those of Hugging Face tokenizers.
   */
  readonly allowedSpecial?: "all" | "none" | ReadonlySet<string>;
}

export interface DecodeOptions {
  /** Default true: together with the defaults of `encode`, a text comes back as it was. */
  readonly skipSpecialTokens?: boolean;
}

export interface EncodeBatchOptions extends EncodeOptions {
  /** `longest`: to the longest row; `maxLength`: to `maxLength`; `none` (default): rows keep their lengths. */
  readonly padding?: "none" | "longest" | "maxLength";
  /** Fill rows up to this many tokens; longer ones stay as they are. Not beside `padding`. */
  readonly padTo?: number;
  /** Tokens per row, with those of the template. Rows that are longer are an error unless `truncation` is set. */
  readonly maxLength?: number;
  /** Cut rows to `maxLength`; what the template adds is kept. Default false. */
  readonly truncation?: boolean;
  /** Rounds the padded length up. Default 1. */
  readonly padToMultipleOf?: number;
  /** Default `right`. */
  readonly paddingSide?: "left" | "right";
  /** The side that is cut off. Default `right`. */
  readonly truncationSide?: "left" | "right";
  /** Default: the pad token's. */
  readonly padId?: number;
  /** As in `EncodeFlatOptions`. */
  readonly threads?: number;
}

export interface EncodeFlatOptions extends EncodeOptions {
  /** Threads that the native library may use; without it there is one. Default 1. The ids are the same for any number. */
  readonly threads?: number;
}

/** Ids of several texts in one array. */
export interface FlatIds {
  readonly ids: Uint32Array;
  /** Where each text starts in `ids`, and one more at the end. */
  readonly offsets: Uint32Array;
}

export interface EncodedBatch {
  /** One row of token ids per text. */
  readonly inputIds: readonly Uint32Array[];
  /** 1 for a token, 0 for padding; rows as in `inputIds`. */
  readonly attentionMask: readonly Uint8Array[];
}

/** Turns ids that come one by one into text, and never gives half a character. */
export interface StreamDecoder {
  /** The text that has become certain; empty while a character is incomplete. */
  push(id: number): string;
  /** What is left. Bytes that never became a character are U+FFFD. The decoder is then as new. */
  end(): string;
}

/** A fixed vocabulary and the way from text to its ids and back. Immutable. */
export interface Tokenizer {
  readonly kind: string;
  /** Largest id plus one: the rows that an embedding needs. */
  readonly vocabSize: number;
  readonly specialTokens: SpecialTokens;
  /** Id of the end-of-sequence token, for those who put it between documents. */
  readonly endOfTextId?: number;
  /**
   * Bytes are taken as UTF-8. What is none goes into byte-level tokenizers as it is, and comes back by `decodeBytes`; for others it is U+FFFD.
   * @throws {TokenizerError} `TOKENIZER_UNKNOWN_CHARACTER`, `TOKENIZER_SPECIAL_TOKEN_UNKNOWN`
   */
  encode(text: TextInput, options?: EncodeOptions): Uint32Array;
  /** @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_PAD_TOKEN_MISSING`, `TOKENIZER_TEXT_TOO_LONG` */
  encodeBatch(texts: readonly TextInput[], options?: EncodeBatchOptions): EncodedBatch;
  /** Ids of several texts, as `encode` gives them, without an array for each. @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID` */
  encodeFlat?(texts: readonly TextInput[], options?: EncodeFlatOptions): FlatIds;
  /**
   * Tokens with offsets, word ids, masks and what truncation cut off. Absent from the simplest tokenizers.
   * @throws {TokenizerError} `TOKENIZER_TEXT_INVALID` for bytes that are no UTF-8
   */
  encodeFull?(text: TextInput, options?: EncodeFullOptions): FullEncoding;
  /** @throws {TokenizerError} `TOKENIZER_UNKNOWN_ID` */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** `decode` of each row. */
  decodeBatch?(rows: readonly ArrayLike<number>[], options?: DecodeOptions): string[];
  /** The bytes of ids, also where they are no UTF-8. Byte-level tokenizers have it. @throws {TokenizerError} `TOKENIZER_UNKNOWN_ID` */
  decodeBytes?(ids: ArrayLike<number>, options?: DecodeOptions): Uint8Array;
  streamDecoder(options?: DecodeOptions): StreamDecoder;
  /** The token as it stands in `tokenizer.json`: for byte-level ones, in the byte alphabet. */
  idToToken(id: number): string | undefined;
  tokenToId(token: string): number | undefined;
  /**
   * Bytes of UTF-8 that a token adds to a text; 0 for special tokens. Absent where that depends on its neighbours, as
   * in WordPiece: bits per byte then need the bytes of the text. @throws {TokenizerError} `TOKENIZER_UNKNOWN_ID`
   */
  tokenByteLength?(id: number): number;
  /** The contents of `tokenizer.json`. */
  toJSON(): TokenizerJson;
  /** Names and contents of the files that belong into a model directory. */
  saveFiles(): Record<string, string>;
}
