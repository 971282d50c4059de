/** Classes of characters as Hugging Face tokenizers sees them; each table is made on first use. */
import { SPACE, unicodeClasses } from "../unicode-classes.ts";
import { CodePointSet, parseValues } from "./code-point-set.ts";
import * as tables from "./unicode-tables.ts";

/** Computes a value when it is first asked for. */
export function lazy<Value>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

const setOf = (table: string): (() => CodePointSet) => lazy(() => CodePointSet.parse(table));

export const lowercased = setOf(tables.LOWERCASED);
export const decomposed = setOf(tables.DECOMPOSED);
export const combiningClasses = lazy(() => parseValues(tables.COMBINING_CLASSES));
export const punctuation = setOf(tables.PUNCTUATION);
export const control = setOf(tables.CONTROL);
export const nonspacingMarks = setOf(tables.NONSPACING_MARKS);
export const marks = setOf(tables.MARKS);
export const numeric = setOf(tables.NUMERIC);
export const word = setOf(tables.WORD);

export function isWhiteSpace(point: number): boolean {
  return unicodeClasses()[point] === SPACE;
}

/** UTF-16 units of the code point. */
export function unitsOf(point: number): number {
  return point > 0xffff ? 2 : 1;
}
