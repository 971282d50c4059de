import { asFlag, type JsonObject } from "../../json-reader.ts";
import { control, isWhiteSpace, nonspacingMarks } from "../characters.ts";
import { type CharacterMap, lowercaseCharacter } from "./letters.ts";
import type { Normalizer } from "./normalizer.ts";
import { normalizationForm } from "./unicode-forms.ts";

/** `BertNormalizer`: cleans, puts spaces around Chinese characters, strips accents (if not told, when it lowercases), lowercases. */
export function readBertNormalizer(options: JsonObject, where: string): Normalizer {
  const steps = bertSteps(options, where).map(
    (step): Normalizer => (step === "NFD" ? normalizationForm(step) : (text) => text.mapCharacters(step)),
  );
  return (text) => steps.reduce((before, step) => step(before), text);
}

/** What it does, in order. */
export function bertSteps(options: JsonObject, where: string): (CharacterMap | "NFD")[] {
  const lower = asFlag(options.lowercase, `${where}.lowercase`, true);
  const steps: (CharacterMap | "NFD")[] = [];
  if (asFlag(options.clean_text, `${where}.clean_text`, true)) steps.push(clean);
  if (asFlag(options.handle_chinese_chars, `${where}.handle_chinese_chars`, true)) steps.push(spaceChinese);
  if (asFlag(options.strip_accents, `${where}.strip_accents`, lower)) steps.push("NFD", stripNonspacing);
  if (lower) steps.push(lowercaseCharacter);
  return steps;
}

const clean: CharacterMap = (point, one) => {
  if (point < 0x7f && point >= 0x20) return one;
  if (control().has(point)) return "";
  return isWhiteSpace(point) ? " " : one;
};

const spaceChinese: CharacterMap = (point, one) => (isChinese(point) ? ` ${one} ` : one);

const stripNonspacing: CharacterMap = (point, one) => (nonspacingMarks().has(point) ? "" : one);

/** The blocks that BERT calls Chinese; the sixth begins where BERT's own list has 0x2b820. */
function isChinese(point: number): boolean {
  if (point < 0x3400) return false;
  return (
    (point >= 0x4e00 && point <= 0x9fff) ||
    (point >= 0x3400 && point <= 0x4dbf) ||
    (point >= 0x20000 && point <= 0x2a6df) ||
    (point >= 0x2a700 && point <= 0x2b73f) ||
    (point >= 0x2b740 && point <= 0x2b81f) ||
    (point >= 0x2b920 && point <= 0x2ceaf) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0x2f800 && point <= 0x2fa1f)
  );
}
