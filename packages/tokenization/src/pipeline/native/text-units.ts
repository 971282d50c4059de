/**
 * What normalizers make of units: characters with the characters that they can change together with. The native library
 * knows no Unicode; it asks for each unit that it meets, once, and so gives what the normalizers here give.
 */
import type { JsonObject } from "../../json-reader.ts";
import { AlignedText } from "../aligned-text.ts";
import { combiningClasses, decomposed, lazy } from "../characters.ts";
import type { Normalizer } from "../normalizers/normalizer.ts";
import { readNormalizer } from "../normalizers/read-normalizer.ts";

/** The character is part of the unit before it. */
export const JOINS_PREVIOUS = 2;
/** The character after it is part of its unit. */
export const JOINS_NEXT = 4;

/** How a character joins others; of none for a normalizer that changes characters one by one. */
type Joins = (character: string) => number;

interface Stage {
  readonly normalize: Normalizer;
  readonly joins: Joins | undefined;
}

/** Of the normalizers whose results are those of their units, one after the other. */
const JOINS: Readonly<Record<string, Joins | undefined>> = {
  Nmt: undefined,
  Lowercase: undefined,
  StripAccents: undefined,
  Precompiled: lazyJoins(joinsInClusters),
  NFC: lazyJoins((character) => joinsInForm(character, "NFD")),
  NFD: lazyJoins((character) => joinsInForm(character, "NFD")),
  NFKC: lazyJoins((character) => joinsInForm(character, "NFKD")),
  NFKD: lazyJoins((character) => joinsInForm(character, "NFKD")),
};

/** What becomes of units; see `NativeUnigramEncoder.learn`. */
export interface LearnedUnits {
  readonly forms: string[];
  readonly flags: Uint8Array;
}

export function changesUnits(normalizer: JsonObject): boolean {
  return typeof normalizer.type === "string" && Object.hasOwn(JOINS, normalizer.type);
}

/** @param normalizers - of which `changesUnits` holds, in order */
export function unitLearner(normalizers: readonly JsonObject[]): (units: readonly string[]) => LearnedUnits {
  const stages = normalizers.map(
    (one): Stage => ({ normalize: readNormalizer(one)!, joins: JOINS[one.type as string] }),
  );
  return (units) => {
    const flags = new Uint8Array(units.length);
    const forms = units.map((unit, index) => {
      let text = unit;
      let joined = 0;
      stages.forEach(({ normalize, joins }, stage) => {
        if (joins !== undefined) for (const character of text) joined |= joins(character);
        text = normalize(AlignedText.of(text, false)).text;
        // What stood beside it then stands side by side.
        const isGone = text === "" && stages.slice(stage + 1).some((later) => later.joins !== undefined);
        if (isGone) joined |= JOINS_PREVIOUS | JOINS_NEXT;
      });
      flags[index] = joined;
      return text;
    });
    return { forms, flags };
  };
}

function lazyJoins(joins: Joins): Joins {
  const cache = new Map<string, number>();
  return (character) => {
    let known = cache.get(character);
    if (known === undefined) {
      known = joins(character);
      if (cache.size < 65_536) cache.set(character, known);
    }
    return known;
  };
}

const segmenter = lazy(() => new Intl.Segmenter("en", { granularity: "grapheme" }));

/** In grapheme clusters, found by asking the segmenter of this Node.js for the ways in which characters join (UAX 29). */
function joinsInClusters(character: string): number {
  const point = character.codePointAt(0)!;
  // Ideographs, and syllables, which join letters of Hangul only, and those join both.
  if ((point >= 0x3400 && point < 0xa000) || (point >= 0xac00 && point <= 0xd7a3)) return 0;
  if (character === "\r") return JOINS_NEXT; // LF
  const width = character.length;
  /** Texts, and where in them a boundary is missing if the character joins. */
  const samples: readonly (readonly [text: string, at: number])[] = [
    [`a${character}`, 1],
    [`${character}a`, width],
    [`\u00a9${character}\u00a9`, 1 + width],
    [`\u0915${character}\u0915`, 1 + width],
    [character + character, width],
  ];
  const boundaries = new Set<number>();
  // Around a control character there is always one.
  const all = samples.map(([text]) => text).join("\u0001");
  for (const { index } of segmenter().segment(all)) boundaries.add(index);
  let start = 0;
  const joined = samples.map(([text, at]) => {
    const isJoined = !boundaries.has(start + at);
    start += text.length + 1;
    return isJoined;
  });
  const [joinsLetter, letterJoins, pictureJoins, consonantJoins, joinsItself] = joined;
  let flags = joinsLetter === true ? JOINS_PREVIOUS : 0;
  if (letterJoins || pictureJoins || consonantJoins) flags |= JOINS_NEXT;
  // Flags and letters of Hangul.
  if (joinsItself && !joinsLetter) flags |= JOINS_PREVIOUS | JOINS_NEXT;
  return flags;
}

/** In the normalization forms: marks change places with marks, and some characters compose with the one before them. */
function joinsInForm(character: string, form: "NFD" | "NFKD"): number {
  const first = decomposed().has(character.codePointAt(0)!) ? character.normalize(form) : character;
  const point = first.codePointAt(0)!;
  return combiningClasses()[point] !== 0 || composingSeconds().has(point) ? JOINS_PREVIOUS : 0;
}

/** Characters that come second or later in what is composed. */
const composingSeconds = lazy(() => {
  const seconds = new Set<number>();
  for (let point = 0; point < 0x110000; point++) {
    if (!decomposed().has(point)) continue;
    const [, ...rest] = String.fromCodePoint(point).normalize("NFD");
    for (const one of rest) seconds.add(one.codePointAt(0)!);
  }
  return seconds;
});
