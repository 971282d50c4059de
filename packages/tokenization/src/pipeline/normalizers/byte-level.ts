import { bytesToToken } from "../../byte-alphabet.ts";
import { encodeUtf8 } from "../../utf8.ts";
import type { AlignedText } from "../aligned-text.ts";

const cache = new Map<number, string>();
const MAX_CACHED = 65_536; // characters

/** Each character becomes the characters that stand for its bytes of UTF-8. */
export function bytesToCharacters(text: AlignedText): AlignedText {
  return text.mapCharacters((point, one) => {
    let mapped = cache.get(point);
    if (mapped === undefined) {
      mapped = bytesToToken(encodeUtf8(one));
      if (cache.size < MAX_CACHED) cache.set(point, mapped);
    }
    return mapped;
  });
}
