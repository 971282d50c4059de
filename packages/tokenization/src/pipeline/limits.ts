import { TokenizerError } from "../errors.ts";
import { unsupported } from "../tokenizer-json.ts";

const MAX_DEPTH = 16; // published files nest two deep

/** Refuses parts in parts without end. @throws {TokenizerError} `TOKENIZER_UNSUPPORTED` */
export function checkDepth(depth: number, path: string): void {
  if (depth > MAX_DEPTH) throw unsupported(path, `at most ${MAX_DEPTH} sequences in each other`, depth);
}

const MAX_GROWTH = 64; // NFKD makes 18 characters of one, and nothing that is published more
const ALWAYS_ALLOWED = 2 ** 16;
const MAX_UNITS = 2 ** 27;

/**
 * Refuses text that replacements made out of proportion: a file may ask for each letter to become many, many times over.
 * @throws {TokenizerError} `TOKENIZER_TEXT_TOO_LONG`
 */
export function checkGrowth(from: number, to: number): void {
  const limit = Math.max(from, Math.min(MAX_GROWTH * from + ALWAYS_ALLOWED, MAX_UNITS));
  if (to <= limit) return;
  throw new TokenizerError(
    "TOKENIZER_TEXT_TOO_LONG",
    `text of ${from} UTF-16 units: expected the tokenizer to make ${limit} of it at most, got ${to} or more`,
    { help: "The replacements in tokenizer.json make text grow without measure." },
  );
}
