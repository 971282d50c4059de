import { TokenizerError } from "../errors.ts";

/** Characters (or bytes) of a token that is cut. Trying every cut of every token takes the square of it. */
const MAX_LENGTH = 256;

/** A token as two others. */
export interface Cut {
  /** Its place in the list. */
  readonly token: number;
  readonly left: string;
  readonly right: string;
  readonly leftId: number;
  readonly rightId: number;
  /** Characters or bytes. */
  readonly leftParts: number;
  readonly rightParts: number;
}

/**
 * All ways to cut tokens into two tokens: the merges of a vocabulary that has an order and no merges. Token by token, those of one by the ids
 * of their parts, as in `generate_merges` of transformers and in its converter of tiktoken files.
 *
 * @param split - the characters or bytes of a token
 * @throws {TokenizerError} `TOKENIZER_UNSUPPORTED` for tokens of more than 256 of them
 */
export function tokenCuts(
  tokens: readonly string[],
  split: (token: string) => readonly string[],
  ids: ReadonlyMap<string, number>,
): Cut[] {
  return tokens.flatMap((token, index) => {
    const parts = split(token);
    if (parts.length > MAX_LENGTH) {
      const shown = JSON.stringify(token.slice(0, 40));
      throw new TokenizerError(
        "TOKENIZER_UNSUPPORTED",
        `token ${shown}...: expected at most ${MAX_LENGTH} characters, got ${parts.length}`,
      );
    }
    const cuts: Cut[] = [];
    let at = 0;
    for (let leftParts = 1; leftParts < parts.length; leftParts++) {
      at += parts[leftParts - 1]!.length;
      const [left, right] = [token.slice(0, at), token.slice(at)];
      const [leftId, rightId] = [ids.get(left), ids.get(right)];
      if (leftId === undefined || rightId === undefined) continue;
      cuts.push({ token: index, left, right, leftId, rightId, leftParts, rightParts: parts.length - leftParts });
    }
    return cuts.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId);
  });
}
