import { lazy } from "../characters.ts";
import { ranges } from "../regex/character-sets.ts";
import type { CharacterMap } from "./letters.ts";
import type { Normalizer } from "./normalizer.ts";

const removed = lazy(() => ranges([1, 8], [0x0b, 0x0b], [0x0e, 0x1f], [0x7f, 0x7f], [0x8f, 0x8f], [0x9f, 0x9f]));
const spaces = lazy(() =>
  ranges(
    [9, 0x0a],
    [0x0c, 0x0d],
    [0x1680, 0x1680],
    [0x200b, 0x200f],
    [0x2028, 0x2029],
    [0x2581, 0x2581],
    [0xfeff, 0xfeff],
    [0xfffd, 0xfffd],
  ),
);

export const nmtCharacter: CharacterMap = (point, one) => (removed().has(point) ? "" : spaces().has(point) ? " " : one);

/** `Nmt`: control characters go, and what SentencePiece's rules for translation take for white space becomes a space. */
export const nmt: Normalizer = (text) => text.mapCharacters(nmtCharacter);
