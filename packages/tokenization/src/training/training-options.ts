import { TokenizerError } from "../errors.ts";

/** Refuses an option whose value is no integer from `minimum` on. */
export function requireInteger(option: string, value: number, minimum: number): void {
  if (Number.isInteger(value) && value >= minimum) return;
  refuseOption(option, `an integer, ${minimum} or more`, value);
}

/** Refuses a share that is not above 0 and at most 1. */
export function requireShare(option: string, value: number): void {
  if (value > 0 && value <= 1) return;
  refuseOption(option, "a number above 0, at most 1", value);
}

export function refuseOption(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}

/** @param parts - what has to be there, for people: "256 bytes and 3 special tokens" */
export function requireVocabSize(vocabSize: number, needed: number, parts: string): void {
  requireInteger("vocabSize", vocabSize, 1);
  if (vocabSize >= needed) return;
  throw new TokenizerError(
    "TOKENIZER_VOCAB_TOO_SMALL",
    `vocabSize: expected at least ${needed} (${parts}), got ${vocabSize}`,
  );
}

/** @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_CONFLICT` for a special token that is named like an ordinary one */
export function refuseTaken(special: readonly string[], isTaken: (token: string) => boolean): void {
  const taken = special.find(isTaken);
  if (taken === undefined) return;
  throw new TokenizerError(
    "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
    `specialTokens: expected names that no other token has, got ${JSON.stringify(taken)}`,
    { help: "Choose a longer one, such as <|endoftext|>." },
  );
}
