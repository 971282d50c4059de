import { createHash } from "node:crypto";
import Type from "typebox";
import { checkChoice } from "./check-choice.ts";
import { DataError } from "./errors.ts";

export type SplitName = "train" | "validation" | "test";

/** Which part of the text is held out. What is in neither validation nor test is train. */
export const SplitOptions = Type.Object(
  {
    kind: Type.Union([Type.Literal("hash"), Type.Literal("contiguous")], {
      default: "hash",
      description: "hash: each document by the hash of its text. contiguous: the end of the whole text is held out.",
    }),
    validation: Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.1,
      description: "Share held out for evaluation during training.",
    }),
    test: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0, description: "Share held out for the end." }),
    seed: Type.Integer({
      minimum: 0,
      default: 0,
      description:
        "hash: another seed is another choice. Apart from the run's seed, so that runs are measured on the same text.",
    }),
  },
  { additionalProperties: false, default: {}, description: "How the text is divided into train, validation and test." },
);
export type SplitOptions = Type.Static<typeof SplitOptions>;

/** @throws {DataError} `DATA_OPTIONS_INVALID`, also if nothing would be left to train on */
export function checkSplit({ kind, validation, test, seed }: SplitOptions): void {
  checkChoice("split.kind", SplitOptions.properties.kind, kind);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new DataError(
      "DATA_OPTIONS_INVALID",
      `split: expected the seed to be an integer from 0 to 2^53-1, got ${seed}`,
    );
  }
  const valid = (share: number) => share >= 0 && share < 1;
  if (valid(validation) && valid(test) && validation + test < 1) return;
  throw new DataError(
    "DATA_OPTIONS_INVALID",
    `split: expected shares from 0 to 1 that leave something to train on, got validation ${validation}, test ${test}`,
  );
}

/**
 * The split of a document by its content, so that it stays where it is when files are added, renamed or reordered, and
 * equal texts are never on both sides.
 *
 * Algorithm: u = the first 53 bits (big-endian) of sha256(seed as decimal digits, line feed, text in UTF-8), over 2^53.
 * u < validation: validation; u < validation + test: test; else train.
 */
export function splitOfText(text: string, { seed, validation, test }: Omit<SplitOptions, "kind">): SplitName {
  const digest = createHash("sha256").update(`${seed}\n`).update(text, "utf8").digest();
  const u = (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53;
  if (u < validation) return "validation";
  return u < validation + test ? "test" : "train";
}

/** Where the train and the validation part of a text of so many bytes end; test goes on to the end of the text. */
export function contiguousEnds(
  totalBytes: number,
  { validation, test }: Pick<SplitOptions, "validation" | "test">,
): [number, number] {
  return [Math.floor(totalBytes * (1 - validation - test)), Math.floor(totalBytes * (1 - test))];
}

/** A text in two: the whole characters that fit into so many UTF-8 bytes, and the rest. */
export function cutAtByte(text: string, bytes: number): [string, string] {
  const buffer = Buffer.from(text, "utf8");
  let at = bytes;
  while (at > 0 && at < buffer.length && (buffer[at]! & 0xc0) === 0x80) at--; // 10xxxxxx goes on with a character
  return [buffer.toString("utf8", 0, at), buffer.toString("utf8", at)];
}
