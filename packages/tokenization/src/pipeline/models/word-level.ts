import { TokenizerError } from "../../errors.ts";
import { asString, type JsonObject } from "../../json-reader.ts";
import { utf8Length } from "../../utf8.ts";
import type { Model } from "./model.ts";

/** `WordLevel`: a piece is a token, or unknown. */
export function readWordLevel(
  model: JsonObject,
  vocab: ReadonlyMap<string, number>,
  blocked: ReadonlySet<number>,
): Model {
  const unkToken = asString(model.unk_token ?? "<unk>", "tokenizer.json: model.unk_token");
  const unkId = vocab.get(unkToken);
  return {
    isDeterministic: true,
    tokenize(piece) {
      const end = utf8Length(piece);
      const id = vocab.get(piece);
      if (id !== undefined && !blocked.has(id)) return [{ id, token: piece, start: 0, end }];
      if (unkId !== undefined) return [{ id: unkId, token: unkToken, start: 0, end }];
      throw new TokenizerError(
        "TOKENIZER_UNKNOWN_CHARACTER",
        `text: expected words of the vocabulary, got ${JSON.stringify(piece.slice(0, 80))}; its unk_token ${JSON.stringify(unkToken)} is not in it`,
      );
    },
  };
}
