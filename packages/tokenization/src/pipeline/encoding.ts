/** The result of encoding on its way through the post-processors; offsets are code points of the text of the sequence. */
import { TokenizerError } from "../errors.ts";

const MAX_COMBINATIONS = 2 ** 14; // of what overflowed of a text with what overflowed of its pair

/** Tokens in columns, and the parts that truncation cut off. */
export interface Encoding {
  ids: number[];
  typeIds: number[];
  tokens: string[];
  offsets: (readonly [start: number, end: number])[];
  wordIds: (number | null)[];
  /** 0: the text, 1: the pair, null: neither. */
  sequenceIds: (number | null)[];
  specialTokensMask: number[];
  attentionMask: number[];
  overflowing: Encoding[];
}

export function emptyEncoding(): Encoding {
  return {
    ids: [],
    typeIds: [],
    tokens: [],
    offsets: [],
    wordIds: [],
    sequenceIds: [],
    specialTokensMask: [],
    attentionMask: [],
    overflowing: [],
  };
}

/** Tokens that a post-processor puts around text. */
export function specialEncoding(ids: readonly number[], tokens: readonly string[], typeId: number): Encoding {
  return {
    ids: [...ids],
    typeIds: ids.map(() => typeId),
    tokens: [...tokens],
    offsets: ids.map(() => [0, 0] as const),
    wordIds: ids.map(() => null),
    sequenceIds: ids.map(() => null),
    specialTokensMask: ids.map(() => 1),
    attentionMask: ids.map(() => 1),
    overflowing: [],
  };
}

/** A part of an encoding, without what overflowed. */
export function sliceEncoding(encoding: Encoding, start: number, end: number): Encoding {
  return {
    ids: encoding.ids.slice(start, end),
    typeIds: encoding.typeIds.slice(start, end),
    tokens: encoding.tokens.slice(start, end),
    offsets: encoding.offsets.slice(start, end),
    wordIds: encoding.wordIds.slice(start, end),
    sequenceIds: encoding.sequenceIds.slice(start, end),
    specialTokensMask: encoding.specialTokensMask.slice(start, end),
    attentionMask: encoding.attentionMask.slice(start, end),
    overflowing: [],
  };
}

/** One after the other; what overflowed is combined in all ways, as in the Rust library. */
export function joinEncodings(encodings: readonly Encoding[]): Encoding {
  return encodings.reduce(joinTwo, emptyEncoding());
}

function joinTwo(left: Encoding, right: Encoding): Encoding {
  if (left.overflowing.length * right.overflowing.length > MAX_COMBINATIONS) {
    throw new TokenizerError(
      "TOKENIZER_TEXT_TOO_LONG",
      `truncation: expected at most ${MAX_COMBINATIONS} combinations of parts that overflow, got ${left.overflowing.length} times ${right.overflowing.length}`,
      { help: "Truncate one of the two sequences only, or use a larger maxLength or a smaller stride." },
    );
  }
  const overflowing: Encoding[] = [];
  for (const one of left.overflowing) {
    overflowing.push(joinTwo(one, right));
    for (const other of right.overflowing) overflowing.push(joinTwo(one, other));
  }
  for (const other of right.overflowing) overflowing.push(joinTwo(left, other));
  return {
    ids: left.ids.concat(right.ids),
    typeIds: left.typeIds.concat(right.typeIds),
    tokens: left.tokens.concat(right.tokens),
    offsets: left.offsets.concat(right.offsets),
    wordIds: left.wordIds.concat(right.wordIds),
    sequenceIds: left.sequenceIds.concat(right.sequenceIds),
    specialTokensMask: left.specialTokensMask.concat(right.specialTokensMask),
    attentionMask: left.attentionMask.concat(right.attentionMask),
    overflowing,
  };
}
