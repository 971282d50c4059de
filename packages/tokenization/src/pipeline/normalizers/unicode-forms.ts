/**
 * The normalization forms of Unicode (UAX 15) with their alignments. A character that the tables of Hugging Face
 * tokenizers do not know to decompose is left as it is, whatever Node.js knows; what both know is the same for ever, by
 * Unicode's stability policy. Composition goes as in the Rust crate, whose alignments it must give.
 */
import type { AlignedText, Change } from "../aligned-text.ts";
import { combiningClasses, decomposed } from "../characters.ts";
import type { CharacterMap } from "./letters.ts";
import type { Normalizer } from "./normalizer.ts";

export type FormName = "NFC" | "NFD" | "NFKC" | "NFKD";

interface Mark {
  character: string;
  change: number;
  combiningClass: number;
}

export function normalizationForm(name: FormName): Normalizer {
  const canonical = name === "NFC" || name === "NFD";
  const composes = name === "NFC" || name === "NFKC";
  const decompose = decomposer(canonical ? "NFD" : "NFKD");
  return (text: AlignedText) => {
    if (isUnchanged(text.text)) return text;
    const marks = decompose(text.text);
    return text.transform(composes ? compose(marks) : marks);
  };
}

/** ASCII and what stands alone. */
function isUnchanged(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** What becomes of a character that stands alone. */
export function decomposeCharacter(form: "NFD" | "NFKD"): CharacterMap {
  return (point, character) => (decomposed().has(point) ? character.normalize(form) : character);
}

function decomposer(form: "NFD" | "NFKD"): (text: string) => Mark[] {
  const decompose = decomposeCharacter(form);
  const cache = new Map<string, readonly string[]>();
  return (text) => {
    const classes = combiningClasses();
    const marks: Mark[] = [];
    let ready = 0; // marks from here on may still change their order
    for (const character of text) {
      let parts = cache.get(character);
      if (parts === undefined) {
        parts = [...decompose(character.codePointAt(0)!, character)];
        if (cache.size < 65_536) cache.set(character, parts);
      }
      for (let index = 0; index < parts.length; index++) {
        const part = parts[index]!;
        const combiningClass = classes[part.codePointAt(0)!]!;
        if (combiningClass === 0) {
          sort(marks, ready);
          marks.push({ character: part, change: index === 0 ? 0 : 1, combiningClass });
          ready = marks.length;
        } else marks.push({ character: part, change: index === 0 ? 0 : 1, combiningClass });
      }
    }
    sort(marks, ready);
    return marks;
  };
}

/** Stable, by combining class, from `start` to the end. */
function sort(marks: Mark[], start: number): void {
  if (marks.length - start < 2) return;
  const sorted = marks.slice(start).sort((a, b) => a.combiningClass - b.combiningClass);
  for (let i = 0; i < sorted.length; i++) marks[start + i] = sorted[i]!;
}

function compose(marks: readonly Mark[]): Change[] {
  const out: Change[] = [];
  let starter: Mark | undefined;
  let waiting: Mark[] = []; // after the starter, not composed with it
  const flush = (): void => {
    if (starter !== undefined) out.push(starter);
    out.push(...waiting);
    waiting = [];
  };
  for (const mark of marks) {
    if (starter === undefined) {
      if (mark.combiningClass === 0) starter = { ...mark };
      else out.push(mark);
      continue;
    }
    const last = waiting.at(-1)?.combiningClass;
    const blocked = last !== undefined && last >= mark.combiningClass;
    const composite = blocked ? undefined : composition(starter.character, mark.character);
    if (composite !== undefined) {
      starter.character = composite;
      starter.change += mark.change - 1;
    } else if (mark.combiningClass === 0) {
      flush();
      starter = { ...mark };
    } else waiting.push(mark);
  }
  flush();
  return out;
}

const compositions = new Map<string, string | undefined>();

function composition(first: string, second: string): string | undefined {
  if (first.length === 1 && second.length === 1 && second.charCodeAt(0) < 0x300) return undefined;
  const pair = first + second;
  if (compositions.has(pair)) return compositions.get(pair);
  const together = pair.normalize("NFC");
  const point = together.codePointAt(0)!;
  const isOne = together.length === (point > 0xffff ? 2 : 1);
  const result = isOne && decomposed().has(point) ? together : undefined;
  if (compositions.size < 65_536) compositions.set(pair, result);
  return result;
}
