import { isWhiteSpace } from "../characters.ts";
import type { Encoding } from "../encoding.ts";

const SPACE = 0x120; // the character of the byte 0x20

/** Takes white space out of the offsets of byte-level tokens; a single space that was added in front stays. */
export function trimOffsets(encoding: Encoding, addPrefixSpace: boolean): Encoding {
  const offsets = encoding.offsets.map(([start, end], index) => {
    const token = encoding.tokens[index]!;
    let leading = 0;
    while (leading < token.length && isSpace(token.charCodeAt(leading))) leading++;
    let trailing = 0;
    while (trailing < token.length && isSpace(token.charCodeAt(token.length - 1 - trailing))) trailing++;
    if (leading > 0) {
      const isFirst = index === 0 || start === 0;
      if (isFirst && addPrefixSpace && leading === 1) leading = 0;
    }
    const trimmedStart = leading > 0 ? Math.min(start + leading, end) : start;
    const trimmedEnd = trailing > 0 && end >= trailing ? Math.max(end - trailing, trimmedStart) : end;
    return [trimmedStart, trimmedEnd] as const;
  });
  return { ...encoding, offsets, overflowing: encoding.overflowing.map((one) => trimOffsets(one, addPrefixSpace)) };
}

function isSpace(unit: number): boolean {
  return unit === SPACE || isWhiteSpace(unit);
}
