import { lazy, unitsOf } from "../characters.ts";
import { parseValues } from "../code-point-set.ts";
import { COMMON_SCRIPT, SCRIPTS } from "../unicode-tables.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";

const ANY = 1; // goes with the script before it
const scripts = lazy(() => parseValues(SCRIPTS));

/** `UnicodeScripts`: cuts where the script changes, as SentencePiece does; kana count as Han. */
export const unicodeScripts: PreTokenizer = (aligned) => {
  const { text } = aligned;
  const cuts: number[] = [];
  let last: number | undefined;
  for (let i = 0; i < text.length; ) {
    const point = text.codePointAt(i)!;
    const script = scripts()[point]! || COMMON_SCRIPT;
    if (script !== ANY) {
      if (script !== last) cuts.push(i);
      last = script;
    }
    i += unitsOf(point);
  }
  cuts.push(text.length);
  return cuts.slice(1).map((end, index) => aligned.slice(cuts[index]!, end));
};
