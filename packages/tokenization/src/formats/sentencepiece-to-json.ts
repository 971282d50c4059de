/**
 * A SentencePiece model as a `tokenizer.json`, the way transformers converts one: `SpmConverter` where the model removes extra white space,
 * else `LlamaConverter`, whose shape keeps it.
 */
import { TokenizerError } from "../errors.ts";
import type { JsonObject } from "../json-reader.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";
import {
  hasDenormalizer,
  MODEL_TYPES,
  NORMALIZER,
  type SentencePiece,
  type SentencePieceModel,
  TRAINER,
} from "./sentencepiece-model.ts";
import { type SentencePieceSettings, SPACE_MARK, sentencePiecePipeline } from "./sentencepiece-pipeline.ts";
import { tokenCuts } from "./token-cuts.ts";

export interface ConvertedSentencePiece {
  readonly json: TokenizerJson;
  /** `tokenizer_config.json`: the roles of the special tokens. */
  readonly config: JsonObject;
}

/**
 * @throws {TokenizerError} `TOKENIZER_FILE_INVALID`; `TOKENIZER_UNSUPPORTED` for models of words or characters, white space as a suffix or
 * without a mark, unused pieces, and a denormalizer, which a `tokenizer.json` has no place for
 */
export function sentencePieceToJson(model: SentencePieceModel): ConvertedSentencePiece {
  const { pieces, trainer } = model;
  const type = trainer.integer(TRAINER.modelType, MODEL_TYPES.unigram);
  refuseUnsupported(model, type);
  const ids = new Map<string, number>();
  pieces.forEach(({ piece }, id) => {
    if (piece === "" || ids.has(piece))
      invalid(`piece ${id}: expected a text of its own, got ${JSON.stringify(piece)}`);
    ids.set(piece, id);
  });
  const unkId = pieces.findIndex((one) => one.type === "unknown");
  if (unkId < 0) invalid("expected a piece for what is unknown");
  const byteFallback = trainer.flag(TRAINER.byteFallback, false);
  const added = pieces.flatMap(({ piece, type }, id) =>
    type === "control" || type === "unknown" || type === "user-defined"
      ? [
          {
            id,
            content: piece,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: type !== "user-defined",
          },
        ]
      : [],
  );
  return {
    json: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      ...sentencePiecePipeline(settingsOf(model, byteFallback)),
      model:
        type === MODEL_TYPES.unigram
          ? {
              type: "Unigram",
              unk_id: unkId,
              vocab: pieces.map(({ piece, score }) => [piece, score]),
              byte_fallback: byteFallback,
            }
          : bpeModel(pieces, ids, pieces[unkId]!.piece, byteFallback),
    },
    config: config(model, unkId),
  };
}

function refuseUnsupported(model: SentencePieceModel, type: number): void {
  const { trainer, normalizer } = model;
  if (type !== MODEL_TYPES.unigram && type !== MODEL_TYPES.bpe)
    unsupported(`trainer_spec.model_type: supported are UNIGRAM (1) and BPE (2), got ${type}`);
  if (trainer.flag(TRAINER.treatWhitespaceAsSuffix, false))
    unsupported("trainer_spec.treat_whitespace_as_suffix: supported is false, got true");
  if (!normalizer.flag(NORMALIZER.escapeWhitespaces, true))
    unsupported("normalizer_spec.escape_whitespaces: supported is true, got false");
  if (hasDenormalizer(model)) unsupported("denormalizer_spec.precompiled_charsmap: supported is none");
  const unused = model.pieces.findIndex((one) => one.type === "unused");
  if (unused >= 0) unsupported(`piece ${unused}: supported are models without unused pieces`);
}

function settingsOf({ pieces, normalizer }: SentencePieceModel, byteFallback: boolean): SentencePieceSettings {
  return {
    charsmap: normalizer.bytes(NORMALIZER.precompiledCharsmap) ?? new Uint8Array(),
    addsPrefix: normalizer.flag(NORMALIZER.addDummyPrefix, true),
    removesSpace: normalizer.flag(NORMALIZER.removeExtraWhitespaces, true),
    // Pieces of several words are only there where the trainer was told not to cut at white space.
    splits: !pieces.some((one) => one.type === "normal" && one.piece.lastIndexOf(SPACE_MARK) > 0),
    byteFallback,
  };
}

function bpeModel(
  pieces: readonly SentencePiece[],
  ids: ReadonlyMap<string, number>,
  unkToken: string,
  byteFallback: boolean,
): JsonObject {
  return {
    type: "BPE",
    dropout: null,
    unk_token: unkToken,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: byteFallback,
    ignore_merges: false,
    vocab: Object.fromEntries(ids),
    merges: generateMerges(pieces, ids),
  };
}

/** `generate_merges` of transformers: by score, then the longer left part, then the longer right part. */
export function generateMerges(pieces: readonly SentencePiece[], ids: ReadonlyMap<string, number>): [string, string][] {
  const texts = pieces.map(({ piece }) => piece);
  const score = (token: number): number => pieces[token]!.score;
  return tokenCuts(texts, (piece) => Array.from(piece), ids)
    .sort((a, b) => score(b.token) - score(a.token) || b.leftParts - a.leftParts || b.rightParts - a.rightParts)
    .map(({ left, right }) => [left, right]);
}

function config({ pieces, trainer }: SentencePieceModel, unkId: number): JsonObject {
  const roles = [
    ["unk_token", unkId],
    ["bos_token", trainer.integer(TRAINER.bosId, 1)],
    ["eos_token", trainer.integer(TRAINER.eosId, 2)],
    ["pad_token", trainer.integer(TRAINER.padId, -1)],
  ] as const;
  const known = roles.filter(([, id]) => pieces[id]?.type === "control" || pieces[id]?.type === "unknown");
  return {
    ...Object.fromEntries(known.map(([role, id]) => [role, pieces[id]!.piece])),
    clean_up_tokenization_spaces: false,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
}

function unsupported(message: string): never {
  throw new TokenizerError("TOKENIZER_UNSUPPORTED", `SentencePiece model: ${message}`);
}

function invalid(message: string): never {
  throw new TokenizerError("TOKENIZER_FILE_INVALID", `SentencePiece model: ${message}`);
}
