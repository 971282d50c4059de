import { unsupported } from "../tokenizer-json.ts";

const MAX_DEPTH = 16; // published files nest two deep

/** Refuses parts in parts without end. @throws {TokenizerError} `TOKENIZER_UNSUPPORTED` */
export function checkDepth(depth: number, path: string): void {
  if (depth > MAX_DEPTH) throw unsupported(path, `at most ${MAX_DEPTH} sequences in each other`, depth);
}
