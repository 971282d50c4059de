/** The contents of a SentencePiece `.model`: `ModelProto` of sentencepiece_model.proto (proto2), whose unknown fields are kept. */
import { TokenizerError } from "../errors.ts";
import { bytesField, floatField, integerField, Message, textField } from "./message.ts";
import { type Field, writeFields } from "./protobuf.ts";

export const PIECE_TYPES = ["normal", "unknown", "control", "user-defined", "unused", "byte"] as const;
export type PieceType = (typeof PIECE_TYPES)[number];

export interface SentencePiece {
  readonly piece: string;
  /** A float32. */
  readonly score: number;
  readonly type: PieceType;
}

/** A text and its pieces with spaces between them, put into the file by the program that trained it. */
export interface SentencePieceSample {
  readonly input: string;
  readonly expected: string;
}

export interface SentencePieceModel {
  /** By id. */
  readonly pieces: readonly SentencePiece[];
  readonly trainer: Message;
  readonly normalizer: Message;
  readonly samples: readonly SentencePieceSample[];
  /** Fields of the model that are none of the above: the denormalizer, extensions. */
  readonly others: readonly Field[];
}

/** Numbers of `TrainerSpec`. */
export const TRAINER = {
  modelType: 3,
  vocabSize: 4,
  treatWhitespaceAsSuffix: 24,
  byteFallback: 35,
  unkId: 40,
  bosId: 41,
  eosId: 42,
  padId: 43,
  unkPiece: 45,
} as const;
/** Numbers of `NormalizerSpec`. */
export const NORMALIZER = {
  name: 1,
  precompiledCharsmap: 2,
  addDummyPrefix: 3,
  removeExtraWhitespaces: 4,
  escapeWhitespaces: 5,
} as const;
export const MODEL_TYPES = { unigram: 1, bpe: 2 } as const;

const FIELDS = { pieces: 1, trainer: 2, normalizer: 3, selfTest: 4, denormalizer: 5 } as const;
const WHERE = "SentencePiece model";

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID` */
export function parseSentencePieceModel(bytes: Uint8Array): SentencePieceModel {
  const model = Message.parse(bytes, WHERE);
  const pieces = model.messages(FIELDS.pieces).map(readPiece);
  if (pieces.length === 0) throw new TokenizerError("TOKENIZER_FILE_INVALID", `${WHERE}: expected pieces, found none`);
  const part = (number: number): Message =>
    Message.parse(model.bytes(number) ?? new Uint8Array(), `${WHERE}: field ${number}`);
  return {
    pieces,
    trainer: part(FIELDS.trainer),
    normalizer: part(FIELDS.normalizer),
    samples: part(FIELDS.selfTest)
      .messages(1)
      .map((sample) => ({ input: sample.text(1, ""), expected: sample.text(2, "") })),
    others: model.fields.filter(({ number }) => number > 4),
  };
}

function readPiece(message: Message, id: number): SentencePiece {
  const type = PIECE_TYPES[message.integer(3, 1) - 1];
  const score = message.float(2, 0);
  if (type === undefined || !Number.isFinite(score)) {
    throw new TokenizerError(
      "TOKENIZER_FILE_INVALID",
      `${WHERE}: piece ${id}: expected a type from 1 to 6 and a finite score`,
    );
  }
  return { piece: message.text(1, ""), score, type };
}

export function serializeSentencePieceModel(model: SentencePieceModel): Uint8Array {
  const samples = model.samples.map(({ input, expected }) =>
    bytesField(1, writeFields([textField(1, input), textField(2, expected)])),
  );
  return writeFields([
    ...model.pieces.map((piece) => bytesField(FIELDS.pieces, pieceBytes(piece))),
    bytesField(FIELDS.trainer, model.trainer.serialize()),
    bytesField(FIELDS.normalizer, model.normalizer.serialize()),
    ...(samples.length === 0 ? [] : [bytesField(FIELDS.selfTest, writeFields(samples))]),
    ...model.others,
  ]);
}

function pieceBytes({ piece, score, type }: SentencePiece): Uint8Array {
  const typeField = type === "normal" ? [] : [integerField(3, PIECE_TYPES.indexOf(type) + 1)];
  return writeFields([textField(1, piece), floatField(2, score), ...typeField]);
}

/** Whether there is a table for what comes out of decoding, which nothing in a tokenizer.json does. */
export function hasDenormalizer({ others }: SentencePieceModel): boolean {
  const denormalizer = others.findLast(({ number }) => number === FIELDS.denormalizer);
  if (denormalizer?.wire !== 2) return false;
  return (
    (Message.parse(denormalizer.value, `${WHERE}: denormalizer_spec`).bytes(NORMALIZER.precompiledCharsmap)?.length ??
      0) > 0
  );
}
