import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";

export interface EncodeTextRequest extends TokenizerReference {
  readonly text: string;
  /** Put what the tokenizer's template says around it. Default true. */
  readonly addSpecialTokens?: boolean;
  /** Special tokens in the text become their ids. Default false: they are text. */
  readonly allowSpecialTokens?: boolean;
}

export interface EncodedText {
  readonly ids: readonly number[];
  /** As they stand in the vocabulary. */
  readonly tokens: readonly string[];
}

/** The ids of a text. @throws {TokenizerError} what loading and `encode` throw */
export async function encodeText(request: EncodeTextRequest): Promise<EncodedText> {
  const tokenizer = await openTokenizer(request);
  const ids = Array.from(
    tokenizer.encode(request.text, {
      addSpecialTokens: request.addSpecialTokens ?? true,
      allowedSpecial: request.allowSpecialTokens ? "all" : "none",
    }),
  );
  return { ids, tokens: ids.map((id) => tokenizer.idToToken(id) ?? "") };
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
