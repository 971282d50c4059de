/** Pre-tokenizers that tell from a character alone, and the one before it, where a piece ends: as a class for each character. */
import { isObject } from "../../json-reader.ts";
import { isWhiteSpace, numeric, punctuation, word } from "../characters.ts";

/** Ends a piece and is in none. */
export const REMOVED = 0;
/** Is a piece by itself. */
export const ALONE = 1;
/** From here on, characters of the same class that stand side by side are in one piece. */
const TOGETHER = 2;
const APART = 3; // from what is TOGETHER
const MAX_STEPS = 5; // each doubles the number of classes, of which there may be 64

export type PieceClass = (point: number) => number;

/** Of a `pre_tokenizer` that `readPreTokenizer` has read; undefined if it is of another kind. */
export function pieceClasses(value: unknown): PieceClass | undefined {
  const steps = stepsOf(value);
  if (steps === undefined || steps.length > MAX_STEPS) return undefined;
  return (point) => {
    let together = TOGETHER;
    let isAlone = false;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index]!(point);
      if (step === REMOVED) return REMOVED;
      if (step === ALONE) isAlone = true;
      else together += (step - TOGETHER) << index;
    }
    return isAlone ? ALONE : together;
  };
}

function stepsOf(value: unknown): readonly PieceClass[] | undefined {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return undefined;
  switch (value.type) {
    case "Sequence": {
      const parts = (value.pretokenizers as unknown[]).map(stepsOf);
      return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? []);
    }
    case "BertPreTokenizer":
      return [whiteSpace, (point) => (punctuation().has(point) ? ALONE : TOGETHER)];
    case "WhitespaceSplit":
      return [whiteSpace];
    case "Whitespace":
      return [(point) => (word().has(point) ? TOGETHER : isWhiteSpace(point) ? REMOVED : APART)];
    case "Punctuation": {
      const delimiter = DELIMITERS.get(value.behavior ?? "Isolated");
      return delimiter === undefined ? undefined : [(point) => (punctuation().has(point) ? delimiter : TOGETHER)];
    }
    case "Digits": {
      const digit = value.individual_digits === true ? ALONE : APART;
      return [(point) => (numeric().has(point) ? digit : TOGETHER)];
    }
    case "CharDelimiterSplit": {
      const delimiter = (value.delimiter as string).codePointAt(0);
      return [(point) => (point === delimiter ? REMOVED : TOGETHER)];
    }
    default:
      return undefined;
  }
}

const whiteSpace: PieceClass = (point) => (isWhiteSpace(point) ? REMOVED : TOGETHER);

/** By `behavior`; the others put a delimiter to a neighbour. */
const DELIMITERS: ReadonlyMap<unknown, number> = new Map([
  ["Isolated", ALONE],
  ["Removed", REMOVED],
  ["Contiguous", APART],
]);
