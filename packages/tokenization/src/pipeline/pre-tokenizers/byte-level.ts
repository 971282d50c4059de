import { pieceEnd } from "../../pre-tokenizer.ts";
import { bytesToCharacters } from "../normalizers/byte-level.ts";
import { everyPiece } from "../regex/expression.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";
import { splitter } from "./split.ts";

/** `ByteLevel`: cuts as GPT-2 does, if asked to, and writes bytes as characters. */
export function byteLevel(options: { addPrefixSpace: boolean; useRegex: boolean }): PreTokenizer {
  const cut = options.useRegex ? splitter(everyPiece(pieceEnd("gpt2")), "Isolated") : undefined;
  return (aligned) => {
    const text = options.addPrefixSpace && !aligned.text.startsWith(" ") ? aligned.prepend(" ") : aligned;
    return (cut === undefined ? [text] : cut(text)).map(bytesToCharacters);
  };
}
