/** Normalizers that look at one character at a time: what they do can be put into a table, which the native library works with. */
import { isObject } from "../../json-reader.ts";
import { unitsOf } from "../characters.ts";
import { bertSteps } from "./bert.ts";
import { type CharacterMap, lowercaseCharacter, stripMark } from "./letters.ts";
import { nmtCharacter } from "./nmt.ts";
import { decomposeCharacter } from "./unicode-forms.ts";

/** The forms put marks in order besides, which is more than one character at a time. */
export type CharacterStep = CharacterMap | "NFD" | "NFKD";

/**
 * The steps of a `normalizer` that `readNormalizer` has read; undefined if one of them is not of this kind.
 */
export function characterSteps(value: unknown): readonly CharacterStep[] | undefined {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return undefined;
  switch (value.type) {
    case "Sequence": {
      const parts = (value.normalizers as unknown[]).map(characterSteps);
      return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? []);
    }
    case "BertNormalizer":
      return bertSteps(value, "tokenizer.json: normalizer");
    case "Lowercase":
      return [lowercaseCharacter];
    case "StripAccents":
      return [stripMark];
    case "Nmt":
      return [nmtCharacter];
    case "NFD":
    case "NFKD":
      return [value.type];
    default:
      return undefined;
  }
}

/**
 * What the steps make of a character that stands alone. Forms do not put marks in order that come of different characters of a step before;
 * the caller sees to those.
 */
export function characterMapper(steps: readonly CharacterStep[]): CharacterMap {
  const maps = steps.map((step) => (typeof step === "string" ? decomposeCharacter(step) : step));
  const expand = (point: number, character: string, from: number): string => {
    for (let index = from; index < maps.length; index++) {
      const text = maps[index]!(point, character);
      if (text === character) continue;
      let expanded = "";
      for (let i = 0; i < text.length; ) {
        const part = text.codePointAt(i)!;
        const end = i + unitsOf(part);
        expanded += expand(part, text.slice(i, end), index + 1);
        i = end;
      }
      return expanded;
    }
    return character;
  };
  return (point, character) => expand(point, character, 0);
}
