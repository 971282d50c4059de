/** How texts are cut into the words that are counted: what a pre-tokenizer of the tokenizer to be does. */
import type { JsonObject } from "../json-reader.ts";
import { type PieceEnd, type PreTokenizerName, pieceEnd } from "../pre-tokenizer.ts";
import { SPACE, unicodeClasses } from "../unicode-classes.ts";

/**
 * - `gpt2`, `llama3`, `qwen2`, `none`: of byte-level tokenizers; every character belongs to a word
 * - `whitespace`: words between white space, which is dropped (`WhitespaceSplit`)
 * - `metaspace`: a space becomes U+2581, which begins a word; one is put before the text (`Metaspace`)
 */
export type WordSplitterName = PreTokenizerName | "whitespace" | "metaspace";

export const WORD_SPLITTER_NAMES: readonly WordSplitterName[] = [
  "gpt2",
  "llama3",
  "qwen2",
  "none",
  "whitespace",
  "metaspace",
];

export interface WordSplitter {
  readonly name: WordSplitterName;
  /** The text that is cut. */
  prepare(text: string): string;
  readonly pieceEnd: PieceEnd;
  /** Whether the piece that starts here is no word. */
  isGap(text: string, start: number): boolean;
}

const SPACE_MARK = "\u2581";

/** The `pre_tokenizer` of those that are not byte-level. */
export const PRE_TOKENIZER_JSON: Readonly<Record<"whitespace" | "metaspace", JsonObject>> = {
  whitespace: { type: "WhitespaceSplit" },
  metaspace: { type: "Metaspace", replacement: SPACE_MARK, prepend_scheme: "always", split: true },
};

export function wordSplitter(name: WordSplitterName): WordSplitter {
  const whole = { name, prepare: (text: string) => text, isGap: () => false };
  switch (name) {
    case "whitespace": {
      const classes = unicodeClasses();
      const isSpace = (text: string, at: number): boolean => classes[text.charCodeAt(at)] === SPACE;
      return {
        ...whole,
        pieceEnd: (text, start) => {
          const gap = isSpace(text, start);
          let end = start + 1;
          while (end < text.length && isSpace(text, end) === gap) end++;
          return end;
        },
        isGap: isSpace,
      };
    }
    case "metaspace":
      return {
        ...whole,
        prepare: (text) => {
          const marked = text.replaceAll(" ", SPACE_MARK);
          return marked === "" || marked.startsWith(SPACE_MARK) ? marked : SPACE_MARK + marked;
        },
        pieceEnd: (text, start) => {
          const next = text.indexOf(SPACE_MARK, start + 1);
          return next < 0 ? text.length : next;
        },
      };
    default:
      return { ...whole, pieceEnd: pieceEnd(name) };
  }
}
