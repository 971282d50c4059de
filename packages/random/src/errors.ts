/**
 * Why a call into this package was refused.
 * - `RANDOM_SEED_INVALID`: a seed that is not an integer in 0 .. 2^53-1
 * - `RANDOM_NAME_INVALID`: an empty stream name
 * - `RANDOM_INDEX_OUT_OF_RANGE`: a draw, or a range of draws, outside 0 .. 2^53-1, or an item outside a permutation
 * - `RANDOM_LENGTH_INVALID`: an exclusive maximum or a permutation length that is not a positive integer up to 2^53-1
 */
export type RandomErrorCode =
  | "RANDOM_SEED_INVALID"
  | "RANDOM_NAME_INVALID"
  | "RANDOM_INDEX_OUT_OF_RANGE"
  | "RANDOM_LENGTH_INVALID";

export class RandomError extends Error {
  override readonly name = "RandomError";
  readonly code: RandomErrorCode;
  readonly help: string | undefined;

  constructor(code: RandomErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
