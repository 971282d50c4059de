import { isWhiteSpace, lowercased, marks, unitsOf } from "../characters.ts";
import type { Normalizer } from "./normalizer.ts";

/** What stands in the place of a character. */
export type CharacterMap = (point: number, character: string) => string;

/** Character by character, as in Rust: a final capital sigma becomes the ordinary small one. */
export const lowercaseCharacter: CharacterMap = (point, one) => (lowercased().has(point) ? one.toLowerCase() : one);

export const lowercase: Normalizer = (text) => text.mapCharacters(lowercaseCharacter);

export const stripMark: CharacterMap = (point, one) => (marks().has(point) ? "" : one);

export const stripAccents: Normalizer = (text) => text.mapCharacters(stripMark);

/** `Strip`: white space at the ends. */
export function stripper(left: boolean, right: boolean): Normalizer {
  return (aligned) => {
    const { text } = aligned;
    let start = 0;
    let end = text.length;
    // No white space is longer than one UTF-16 unit.
    if (left) while (start < end && isWhiteSpace(text.charCodeAt(start))) start += unitsOf(text.charCodeAt(start));
    if (right) while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end--;
    return start === 0 && end === text.length ? aligned : aligned.cut(start, end);
  };
}
