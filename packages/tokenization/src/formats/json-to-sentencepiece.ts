import { isDeepStrictEqual } from "node:util";
import { TokenizerError } from "../errors.ts";
import { asArray, asObject, asString, isObject, type JsonObject } from "../json-reader.ts";
import { asTokenizerJson, readAddedTokens, readMerges, readVocab } from "../tokenizer-json.ts";
import { bytesField, flagField, integerField, Message, textField } from "./message.ts";
import { rankObstacle } from "./rank-merges.ts";
import {
  MODEL_TYPES,
  NORMALIZER,
  type PieceType,
  type SentencePiece,
  type SentencePieceModel,
  TRAINER,
} from "./sentencepiece-model.ts";
import {
  metaspaceOnly,
  type SentencePieceSettings,
  SPACE_MARK,
  sentencePiecePipeline,
} from "./sentencepiece-pipeline.ts";
import { generateMerges } from "./sentencepiece-to-json.ts";

/**
 * A `tokenizer.json` as a SentencePiece model that gives the same ids. Scores become float32, which is all that the format holds.
 *
 * @param roles - `tokenizer_config.json`, for the ids of bos, eos and pad
 * @throws {TokenizerError} `TOKENIZER_EXPORT_IMPOSSIBLE`, with the field that has no place in the format; `TOKENIZER_FILE_INVALID`
 */
export function jsonToSentencePiece(value: unknown, roles: JsonObject = {}): SentencePieceModel {
  const json = asTokenizerJson(value);
  const { model } = json;
  const byteFallback = model.byte_fallback === true;
  const settings = settingsOf(json, byteFallback);
  const reader = model.type === "Unigram" ? unigramPieces : model.type === "BPE" ? bpePieces : undefined;
  if (reader === undefined) throw impossible(`model.type: expected Unigram or BPE, got ${JSON.stringify(model.type)}`);
  const { scores, unkToken } = reader(model);
  const pieces = typedPieces(json, scores, unkToken, byteFallback);
  if (model.type === "BPE") requireSameMerges(model, pieces);
  if (settings.splits && pieces.some(({ piece, type }) => type === "normal" && piece.lastIndexOf(SPACE_MARK) > 0)) {
    throw impossible(
      "pre_tokenizer.split: expected false, or no token with white space inside: the format cuts nowhere before merging",
    );
  }
  return {
    pieces,
    trainer: new Message(trainerFields(pieces, roles, model.type === "BPE", byteFallback), "trainer_spec"),
    normalizer: new Message(normalizerFields(settings), "normalizer_spec"),
    samples: [],
    others: [],
  };
}

/** The settings whose pipeline is that of the file. */
function settingsOf(json: JsonObject, byteFallback: boolean): SentencePieceSettings {
  const { normalizer, pre_tokenizer: preTokenizer } = json;
  const steps =
    isObject(normalizer) && normalizer.type === "Sequence"
      ? asArray(normalizer.normalizers, "tokenizer.json: normalizer.normalizers")
      : [];
  const precompiled = steps.find((step) => isObject(step) && step.type === "Precompiled") as JsonObject | undefined;
  const charsmap = new Uint8Array(
    Buffer.from(
      precompiled === undefined
        ? ""
        : asString(precompiled.precompiled_charsmap, "tokenizer.json: normalizer: precompiled_charsmap"),
      "base64",
    ),
  );
  const splits = isObject(preTokenizer) && preTokenizer.split !== false;
  const fields = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const;
  let closest: readonly string[] = fields;
  const candidates = [true, false].flatMap((removesSpace) =>
    [true, false].map((addsPrefix) => {
      const settings = { charsmap, removesSpace, addsPrefix, splits, byteFallback };
      return [settings, sentencePiecePipeline(settings)] as const;
    }),
  );
  const kept = { charsmap: new Uint8Array(), removesSpace: false, addsPrefix: false, splits: true, byteFallback };
  for (const [settings, pipeline] of [...candidates, [kept, metaspaceOnly()] as const]) {
    const wrong = fields.filter((field) => !isDeepStrictEqual(json[field] ?? null, pipeline[field]));
    if (wrong.length === 0) return settings;
    if (wrong.length < closest.length) closest = wrong;
  }
  throw impossible(
    `${closest.join(", ")}: expected what a SentencePiece model does, got ${JSON.stringify(closest.map((field) => json[field] ?? null)).slice(0, 300)}`,
  );
}

interface ScoredVocabulary {
  /** By token; those that are not normal pieces may be among them. */
  readonly scores: ReadonlyMap<string, { readonly id: number; readonly score: number }>;
  readonly unkToken: string;
}

function unigramPieces(model: JsonObject): ScoredVocabulary {
  const where = "tokenizer.json: model.vocab";
  const entries = asArray(model.vocab, where).map((entry, id) => {
    const [piece, score] = asArray(entry, `${where}[${id}]`);
    if (typeof score !== "number" || !Number.isFinite(score))
      throw impossible(`model.vocab[${id}]: expected a finite score`);
    return [asString(piece, `${where}[${id}]`), { id, score }] as const;
  });
  const unkToken = typeof model.unk_id === "number" ? entries[model.unk_id]?.[0] : undefined;
  if (unkToken === undefined)
    throw impossible("model.unk_id: expected a token for what is unknown, which the format demands");
  return { scores: new Map(entries), unkToken };
}

function bpePieces(model: JsonObject): ScoredVocabulary {
  for (const [field, allowed] of Object.entries(BPE_FIELDS)) {
    if (!allowed.includes(model[field] ?? null))
      throw impossible(
        `model.${field}: expected ${allowed.map((one) => JSON.stringify(one)).join(" or ")}, got ${JSON.stringify(model[field])}`,
      );
  }
  if (model.byte_fallback !== true && model.fuse_unk !== true)
    throw impossible("model.fuse_unk: expected true, since the format joins what is unknown");
  if (typeof model.unk_token !== "string")
    throw impossible("model.unk_token: expected a token for what is unknown, which the format demands");
  const ranks = new Map<string, number>();
  for (const [left, right] of readMerges(model)) if (!ranks.has(left + right)) ranks.set(left + right, ranks.size);
  // Characters come after all merges, as SentencePiece itself has them; nothing depends on their scores.
  const scores = [...readVocab(model)].map(
    ([token, id]) => [token, { id, score: -(ranks.get(token) ?? ranks.size + id) }] as const,
  );
  return { scores: new Map(scores), unkToken: model.unk_token };
}

const BPE_FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  dropout: [null, 0],
  continuing_subword_prefix: [null, ""],
  end_of_word_suffix: [null, ""],
};

/** Every id as a piece with its type. */
function typedPieces(
  json: JsonObject,
  scores: ScoredVocabulary["scores"],
  unkToken: string,
  byteFallback: boolean,
): SentencePiece[] {
  const vocab = new Map([...scores].map(([token, { id }]) => [token, id]));
  const pieces: SentencePiece[] = [...scores].reduce<SentencePiece[]>((list, [piece, { id, score }]) => {
    list[id] = { piece, score: Math.fround(score), type: byteFallback && BYTE.test(piece) ? "byte" : "normal" };
    return list;
  }, []);
  for (const [index, { id, content, special, normalized }] of readAddedTokens(json, vocab, []).entries()) {
    const entry = asObject(asArray(json.added_tokens, "added_tokens")[index], "added_tokens");
    const flag = ["single_word", "lstrip", "rstrip"].find((name) => entry[name] === true);
    if (flag !== undefined || normalized)
      throw impossible(`added_tokens[${index}].${flag ?? "normalized"}: expected false, got true`);
    const type: PieceType = content === unkToken ? "unknown" : special ? "control" : "user-defined";
    pieces[id] = { piece: content, score: pieces[id]?.score ?? 0, type };
  }
  const unkId = vocab.get(unkToken);
  if (unkId === undefined)
    throw impossible(`model.unk_token: expected a token of the vocabulary, got ${JSON.stringify(unkToken)}`);
  pieces[unkId] = { ...pieces[unkId]!, type: "unknown" };
  const hole = Array.from(pieces, (piece) => piece === undefined).indexOf(true);
  if (hole >= 0) throw impossible(`model.vocab: expected every id up to ${pieces.length - 1}, there is no ${hole}`);
  const bytes = pieces.filter(({ type }) => type === "byte").length;
  if (byteFallback && bytes !== 256)
    throw impossible(`model.byte_fallback: expected tokens <0x00> to <0xFF>, got ${bytes} of them`);
  return pieces;
}

const BYTE = /^<0x[0-9A-F]{2}>$/;

function requireSameMerges(model: JsonObject, pieces: readonly SentencePiece[]): void {
  const normal = new Map(pieces.flatMap(({ piece, type }, id) => (type === "normal" ? [[piece, id] as const] : [])));
  // Added tokens are found in the text before anything merges.
  const isNormal = ([left, right]: readonly [string, string]): boolean =>
    normal.has(left) && normal.has(right) && normal.has(left + right);
  const obstacle = rankObstacle({
    tokens: [...normal.keys()].sort((a, b) => pieces[normal.get(b)!]!.score - pieces[normal.get(a)!]!.score),
    merges: readMerges(model).filter(isNormal),
    split: (token) => Array.from(token),
    rebuilt: generateMerges(pieces, normal).filter(isNormal),
  });
  if (obstacle !== undefined) throw impossible(obstacle);
}

function trainerFields(pieces: readonly SentencePiece[], roles: JsonObject, isBpe: boolean, byteFallback: boolean) {
  const idOf = (role: string): number => {
    const value = roles[`${role}_token`];
    const text = isObject(value) ? value.content : value;
    return pieces.findIndex(({ piece, type }) => piece === text && type === "control");
  };
  const unkId = pieces.findIndex(({ type }) => type === "unknown");
  return [
    integerField(TRAINER.modelType, isBpe ? MODEL_TYPES.bpe : MODEL_TYPES.unigram),
    integerField(TRAINER.vocabSize, pieces.length),
    flagField(TRAINER.byteFallback, byteFallback),
    integerField(TRAINER.unkId, unkId),
    integerField(TRAINER.bosId, idOf("bos")),
    integerField(TRAINER.eosId, idOf("eos")),
    integerField(TRAINER.padId, idOf("pad")),
    textField(TRAINER.unkPiece, pieces[unkId]!.piece),
  ];
}

function normalizerFields({ charsmap, addsPrefix, removesSpace }: SentencePieceSettings) {
  return [
    textField(NORMALIZER.name, charsmap.length === 0 ? "identity" : "user_defined"),
    ...(charsmap.length === 0 ? [] : [bytesField(NORMALIZER.precompiledCharsmap, charsmap)]),
    flagField(NORMALIZER.addDummyPrefix, addsPrefix),
    flagField(NORMALIZER.removeExtraWhitespaces, removesSpace),
    flagField(NORMALIZER.escapeWhitespaces, true),
  ];
}

function impossible(message: string): TokenizerError {
  return new TokenizerError("TOKENIZER_EXPORT_IMPOSSIBLE", `SentencePiece: ${message}`);
}
