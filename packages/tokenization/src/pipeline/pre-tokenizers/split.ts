import { invalid } from "../../json-reader.ts";
import type { AlignedText, Range } from "../aligned-text.ts";
import { unitsOf } from "../characters.ts";
import type { FindAll } from "../regex/expression.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

/** What becomes of the delimiters that a text is cut at. */
export type SplitBehavior = (typeof BEHAVIORS)[number];

const BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

export function readBehavior(value: unknown, where: string): SplitBehavior {
  const behavior = BEHAVIORS.find((one) => one === value);
  return behavior ?? invalid(where, BEHAVIORS.join(", "), value);
}

/** A part of a text that is a delimiter, or lies between two. */
interface Part {
  start: number;
  end: number;
  readonly isDelimiter: boolean;
}

/** @param invert - what is found is kept, and what lies between is the delimiter */
export function splitter(find: FindAll, behavior: SplitBehavior, invert = false): PreTokenizer {
  return (text) => splitAt(text, find(text.text), behavior, invert);
}

/** Cuts at each character for which `isDelimiter` holds. */
export function characterSplitter(isDelimiter: (point: number) => boolean, behavior: SplitBehavior): PreTokenizer {
  return splitter((text) => {
    const found: Range[] = [];
    for (let i = 0; i < text.length; ) {
      const point = text.codePointAt(i)!;
      const end = i + unitsOf(point);
      if (isDelimiter(point)) found.push([i, end]);
      i = end;
    }
    return found;
  }, behavior);
}

function splitAt(text: AlignedText, found: readonly Range[], behavior: SplitBehavior, invert: boolean): AlignedText[] {
  const parts: Part[] = [];
  let at = 0;
  for (const [start, end] of found) {
    if (at !== start) parts.push({ start: at, end: start, isDelimiter: invert });
    parts.push({ start, end, isDelimiter: !invert });
    at = end;
  }
  if (at !== text.text.length) parts.push({ start: at, end: text.text.length, isDelimiter: invert });
  return join(parts, behavior).map(({ start, end }) => text.slice(start, end));
}

function join(parts: Part[], behavior: SplitBehavior): Part[] {
  switch (behavior) {
    case "Isolated":
      return parts;
    case "Removed":
      return parts.filter((part) => !part.isDelimiter);
    case "MergedWithNext":
      return mergeNeighbours(parts.toReversed(), behavior).reverse();
    default:
      return mergeNeighbours(parts, behavior);
  }
}

function mergeNeighbours(parts: readonly Part[], behavior: SplitBehavior): Part[] {
  const joined: Part[] = [];
  let previous = false;
  for (const part of parts) {
    const merges = behavior === "Contiguous" ? part.isDelimiter === previous : part.isDelimiter && !previous;
    const last = joined.at(-1);
    if (merges && last !== undefined) {
      if (behavior === "MergedWithNext") last.start = part.start;
      else last.end = part.end;
    } else joined.push({ ...part });
    previous = part.isDelimiter;
  }
  return joined;
}
