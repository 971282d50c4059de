/** The expression of o200k and its relatives, which cuts words where small letters are followed by a capital one. */
import { lazy } from "../pipeline/characters.ts";
import { parseValues } from "../pipeline/code-point-set.ts";
import { GENERAL_CATEGORIES, GENERAL_CATEGORY_NAMES } from "../pipeline/unicode-tables.ts";
import type { PieceScanner } from "../pre-tokenizer.ts";
import { NUMBER, OTHER, unicodeClasses } from "../unicode-classes.ts";
import { contractionEnd, isNewline, pointAt, runEnd, whiteSpaceEnd } from "./scan.ts";

const UPPER = 1; // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
const LOWER = 2; // [\p{Ll}\p{Lm}\p{Lo}\p{M}]

/** UPPER, LOWER, both or neither, per code point. */
const cases = lazy(() => {
  const flags = [0]; // of what has no category
  for (const name of GENERAL_CATEGORY_NAMES) {
    if (name === "Lu" || name === "Lt") flags.push(UPPER);
    else if (name === "Ll") flags.push(LOWER);
    else flags.push(name === "Lm" || name === "Lo" || name.startsWith("M") ? UPPER | LOWER : 0);
  }
  return parseValues(GENERAL_CATEGORIES).map((category) => flags[category]!);
});

export function o200kPieceEnd(): PieceScanner {
  const classes = unicodeClasses();
  const caseOf = cases();
  return (units, start, length) => {
    const point = pointAt(units, start, length);
    const kind = classes[point]!;
    const afterFirst = start + (point > 0xffff ? 2 : 1);
    if (kind === NUMBER) return runEnd(classes, units, afterFirst, length, NUMBER, 2);
    // A mark could also be what stands before a word; the word that it is part of ends at the same place.
    if (caseOf[point] !== 0) return wordEnd(caseOf, units, start, length);
    if (!isNewline(point)) {
      const end = wordEnd(caseOf, units, afterFirst, length);
      if (end > afterFirst) return end;
    }
    const second = afterFirst < length ? classes[pointAt(units, afterFirst, length)]! : -1;
    if (kind === OTHER || (point === 0x20 && second === OTHER)) {
      let end = runEnd(classes, units, afterFirst, length, OTHER);
      while (end < length && (isNewline(units[end]!) || units[end] === 0x2f)) end++;
      return end;
    }
    return whiteSpaceEnd(classes, units, start, length);
  };
}

/** `UPPER*LOWER+CONTRACTION?|UPPER+LOWER*CONTRACTION?`, or `start` if neither matches. */
function wordEnd(caseOf: Uint8Array, units: Uint16Array, start: number, length: number): number {
  let end = start;
  let lastBoth = start; // the end of the last character of the run that is LOWER too
  for (; end < length; ) {
    const point = pointAt(units, end, length);
    const flags = caseOf[point]!;
    if ((flags & UPPER) === 0) break;
    end += point > 0xffff ? 2 : 1;
    if ((flags & LOWER) !== 0) lastBoth = end;
  }
  const upperEnd = end;
  for (; end < length; ) {
    const point = pointAt(units, end, length);
    if ((caseOf[point]! & LOWER) === 0) break;
    end += point > 0xffff ? 2 : 1;
  }
  // Without small letters UPPER* gives back what follows the last character that is LOWER as well.
  if (end === upperEnd && lastBoth > start) end = lastBoth;
  if (end === start || end >= length || units[end] !== 0x27) return end;
  return contractionEnd(units, end, length, true);
}
