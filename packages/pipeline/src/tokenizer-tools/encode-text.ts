import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";

export interface EncodeTextRequest extends TokenizerReference {
  readonly text: string;
  /** Put what the tokenizer's template says around it. Default true. */
  readonly addSpecialTokens?: boolean;
  /** Special tokens in the text become their ids. Default false: they are text. */
  readonly allowSpecialTokens?: boolean;
  /** Ids at most; what is more is cut off at the end. */
  readonly maxLength?: number;
  /** Fill up to `maxLength`, with the pad token, or where there is none with the one that ends texts. Default false. */
  readonly pad?: boolean;
}

export interface EncodedText {
  readonly ids: readonly number[];
  /** As they stand in the vocabulary. */
  readonly tokens: readonly string[];
  /** 1 for a token, 0 for padding. */
  readonly attentionMask: readonly number[];
}

/**
 * The ids of a text.
 * @throws {TokenizerError} what loading and `encodeBatch` throw
 */
export async function encodeText(request: EncodeTextRequest): Promise<EncodedText> {
  const { text, addSpecialTokens = true, allowSpecialTokens = false, maxLength, pad = false } = request;
  const tokenizer = await openTokenizer(request);
  const { pad: padToken, eos } = tokenizer.specialTokens;
  const padId = (padToken ?? eos)?.id;
  const { inputIds, attentionMask } = tokenizer.encodeBatch([text], {
    addSpecialTokens,
    allowedSpecial: allowSpecialTokens ? "all" : "none",
    truncation: maxLength !== undefined,
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(pad ? { padding: "maxLength" } : {}),
    ...(padId === undefined ? {} : { padId }),
  });
  const ids = Array.from(inputIds[0]!);
  return {
    ids,
    tokens: ids.map((id) => tokenizer.idToToken(id) ?? ""),
    attentionMask: Array.from(attentionMask[0]!),
  };
}

export interface DecodeIdsRequest extends TokenizerReference {
  readonly ids: readonly number[];
  /** Default false: they are written out. */
  readonly skipSpecialTokens?: boolean;
}

/** The text of ids. @throws {TokenizerError} `TOKENIZER_UNKNOWN_ID`, and what loading throws */
export async function decodeIds(request: DecodeIdsRequest): Promise<{ readonly text: string }> {
  const tokenizer = await openTokenizer(request);
  return { text: tokenizer.decode(request.ids, { skipSpecialTokens: request.skipSpecialTokens ?? false }) };
}
