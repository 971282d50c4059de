/** Steps that the scanners of pre-tokenizers have in common. Positions are UTF-16 units; arrays may be longer than their text. */
import { SPACE } from "../unicode-classes.ts";

/** The code point at a position, or the surrogate that stands there alone. */
export function pointAt(units: Uint16Array, at: number, length: number): number {
  const unit = units[at]!;
  if ((unit & 0xfc00) !== 0xd800 || at + 1 === length) return unit;
  const low = units[at + 1]!;
  return (low & 0xfc00) === 0xdc00 ? ((unit & 0x3ff) << 10) + (low & 0x3ff) + 0x10000 : unit;
}

/** Where characters of one class end, at most `limit` of them. */
export function runEnd(
  classes: Uint8Array,
  units: Uint16Array,
  start: number,
  length: number,
  kind: number,
  limit = length,
): number {
  let end = start;
  for (let count = 0; end < length && count < limit; count++) {
    const unit = units[end]!;
    if ((unit & 0xfc00) === 0xd800) {
      const point = pointAt(units, end, length);
      if (classes[point] !== kind) break;
      if (point > 0xffff) end++;
    } else if (classes[unit] !== kind) break;
    end++;
  }
  return end;
}

/** `\s*[\r\n]+|\s+(?!\S)|\s+` at white space. */
export function whiteSpaceEnd(classes: Uint8Array, units: Uint16Array, start: number, length: number): number {
  const end = runEnd(classes, units, start, length, SPACE);
  for (let i = end; i > start; i--) if (isNewline(units[i - 1]!)) return i;
  return spaceEnd(start, length, end);
}

/** `\s+(?!\S)|\s+` on a run of white space: the last one is left for the word that follows, unless it is the only one. */
export function spaceEnd(start: number, length: number, end: number): number {
  return end === length || end - start === 1 ? end : end - 1; // no white space is longer than one UTF-16 unit
}

const S = 0x73;
const LONG_S = 0x17f;

/** `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, or its position if there is none of these. */
export function contractionEnd(units: Uint16Array, start: number, length: number, ignoreCase: boolean): number {
  if (start + 1 >= length) return start;
  const first = ignoreCase ? foldCase(units[start + 1]!) : units[start + 1]!;
  if (first === S || first === 0x74 || first === 0x6d || first === 0x64) return start + 2; // s, t, m, d
  if (start + 2 >= length) return start;
  const second = ignoreCase ? foldCase(units[start + 2]!) : units[start + 2]!;
  if ((first === 0x72 || first === 0x76) && second === 0x65) return start + 3; // re, ve
  return first === 0x6c && second === 0x6c ? start + 3 : start; // ll
}

/** Of letters of ASCII, and of the one other character that folds to one of those above. */
function foldCase(unit: number): number {
  if (unit === LONG_S) return S;
  return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit;
}

export function isNewline(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d;
}
