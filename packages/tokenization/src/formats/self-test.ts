import { TokenizerError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { SentencePieceSample } from "./sentencepiece-model.ts";

/** A sample of a `.model` that a tokenizer cuts in another way. */
export interface SelfTestFailure extends SentencePieceSample {
  readonly got: string;
}

/**
 * Encodes the samples that the trainer put into a `.model` and compares the pieces. What the vocabulary does not have stands in the samples as
 * it is in the text, and counts as unknown.
 *
 * @throws {TokenizerError} what `encode` throws, other than for characters that it cannot hold
 */
export function runSelfTest(tokenizer: Tokenizer, samples: readonly SentencePieceSample[]): SelfTestFailure[] {
  const unkId = tokenizer.specialTokens.unk?.id;
  return samples.flatMap((sample) => {
    const expected =
      sample.expected === "" ? [] : sample.expected.split(" ").map((piece) => tokenizer.tokenToId(piece) ?? unkId);
    const got = encodeSample(tokenizer, sample.input);
    const isSame =
      typeof got !== "string" && got.length === expected.length && got.every((id, index) => id === expected[index]);
    return isSame
      ? []
      : [{ ...sample, got: typeof got === "string" ? got : got.map((id) => tokenizer.idToToken(id)).join(" ") }];
  });
}

function encodeSample(tokenizer: Tokenizer, text: string): number[] | string {
  try {
    return Array.from(tokenizer.encode(text, { addSpecialTokens: false, allowedSpecial: "all" }));
  } catch (error) {
    if (error instanceof TokenizerError) return error.message;
    throw error;
  }
}
