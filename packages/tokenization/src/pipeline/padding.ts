import { TokenizerError } from "../errors.ts";
import { type Encoding, joinEncodings } from "./encoding.ts";
import type { PaddingOptions } from "./full-encoding.ts";

const MAX_LENGTH = 2 ** 24; // tokens

/** What a row is filled up with. */
export interface Pad {
  readonly id: number;
  readonly token: string;
}

/** @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_PAD_TOKEN_MISSING` */
export function pad(rows: readonly Encoding[], options: PaddingOptions, missing: Pad | undefined): Encoding[] {
  const { length = "longest", multipleOf = 1, side = "right", typeId = 0 } = options;
  if (length !== "longest" && (!Number.isSafeInteger(length) || length < 0 || length > MAX_LENGTH)) {
    refuse("length", `"longest" or a whole number up to ${MAX_LENGTH}`, length);
  }
  if (!Number.isSafeInteger(multipleOf) || multipleOf < 1 || multipleOf > MAX_LENGTH) {
    refuse("multipleOf", "a positive integer", multipleOf);
  }
  if (side !== "left" && side !== "right") refuse("side", '"left" or "right"', side);
  for (const [name, value] of [["id", options.id ?? 0] as const, ["typeId", typeId] as const]) {
    if (!Number.isInteger(value) || value < 0) refuse(name, "a whole number", value);
  }
  const id = options.id ?? missing?.id;
  if (id === undefined) {
    throw new TokenizerError("TOKENIZER_PAD_TOKEN_MISSING", "padding: this tokenizer has no pad token", {
      help: "Give padding.id, or configure the tokenizer with a pad token.",
    });
  }
  const token = options.token ?? missing?.token ?? "";
  const longest = length === "longest" ? rows.reduce((most, row) => Math.max(most, row.ids.length), 0) : length;
  const target = Math.ceil(longest / multipleOf) * multipleOf;
  return rows.map((row) => padOne(row, target, side, { id, token, typeId }));
}

function padOne(row: Encoding, target: number, side: "left" | "right", pad: Pad & { typeId: number }): Encoding {
  const overflowing = row.overflowing.map((one) => padOne(one, target, side, pad));
  const missing = target - row.ids.length;
  if (missing <= 0) return { ...row, overflowing };
  const fill = <Value>(value: Value): Value[] => Array.from({ length: missing }, () => value);
  const padding: Encoding = {
    ids: fill(pad.id),
    typeIds: fill(pad.typeId),
    tokens: fill(pad.token),
    offsets: fill([0, 0] as const),
    wordIds: fill(null),
    sequenceIds: fill(null),
    specialTokensMask: fill(1),
    attentionMask: fill(0),
    overflowing: [],
  };
  const bare = { ...row, overflowing: [] };
  return { ...joinEncodings(side === "right" ? [bare, padding] : [padding, bare]), overflowing };
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `padding.${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}
