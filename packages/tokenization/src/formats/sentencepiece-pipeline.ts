import type { JsonObject } from "../json-reader.ts";

/** What stands for a space in pieces: U+2581. */
export const SPACE_MARK = "\u2581";

/** How a SentencePiece model treats text around its pieces. */
export interface SentencePieceSettings {
  /** `precompiled_charsmap`; empty for none. */
  readonly charsmap: Uint8Array;
  /** `add_dummy_prefix` */
  readonly addsPrefix: boolean;
  /** `remove_extra_whitespaces` */
  readonly removesSpace: boolean;
  /** Whether pieces end at white space. */
  readonly splits: boolean;
  readonly byteFallback: boolean;
}

/** Normalizer, pre-tokenizer, post-processor and decoder of a `tokenizer.json`. */
export function sentencePiecePipeline(settings: SentencePieceSettings): JsonObject {
  const { charsmap, addsPrefix, removesSpace, splits, byteFallback } = settings;
  const precompiled =
    charsmap.length === 0
      ? []
      : [{ type: "Precompiled", precompiled_charsmap: Buffer.from(charsmap).toString("base64") }];
  if (!removesSpace) {
    const prefix = addsPrefix ? [{ type: "Prepend", prepend: SPACE_MARK }] : [];
    const replace = { type: "Replace", pattern: { String: " " }, content: SPACE_MARK };
    return {
      normalizer: { type: "Sequence", normalizers: [...precompiled, ...prefix, replace] },
      pre_tokenizer: null,
      post_processor: null,
      decoder: sequenceDecoder(byteFallback, addsPrefix),
    };
  }
  // With a prefix, white space at the start becomes the mark that the prefix would be.
  const strip = { type: "Strip", strip_left: !addsPrefix, strip_right: true };
  const squeeze = { type: "Replace", pattern: { Regex: " {2,}" }, content: SPACE_MARK };
  const metaspace = metaspaceOf(addsPrefix, splits);
  return {
    normalizer: { type: "Sequence", normalizers: [...precompiled, strip, squeeze] },
    pre_tokenizer: metaspace,
    post_processor: null,
    decoder: byteFallback ? sequenceDecoder(true, addsPrefix) : metaspace,
  };
}

/** One more way to say that all white space is kept and nothing put in front, for pieces that end at white space. */
export function metaspaceOnly(): JsonObject {
  const metaspace = metaspaceOf(false, true);
  return { normalizer: null, pre_tokenizer: metaspace, post_processor: null, decoder: metaspace };
}

function metaspaceOf(addsPrefix: boolean, split: boolean): JsonObject {
  return { type: "Metaspace", replacement: SPACE_MARK, prepend_scheme: addsPrefix ? "always" : "never", split };
}

function sequenceDecoder(byteFallback: boolean, addsPrefix: boolean): JsonObject {
  return {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: SPACE_MARK }, content: " " },
      ...(byteFallback ? [{ type: "ByteFallback" }] : []),
      { type: "Fuse" },
      ...(addsPrefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
    ],
  };
}
