/** How texts are cut into the words that are counted: what a pre-tokenizer of the tokenizer to be does. */
import type { JsonObject } from "../json-reader.ts";
import { AlignedText } from "../pipeline/aligned-text.ts";
import { punctuation, unitsOf } from "../pipeline/characters.ts";
import { readBertNormalizer } from "../pipeline/normalizers/bert.ts";
import { type PieceEnd, type PreTokenizerName, pieceEnd } from "../pre-tokenizer.ts";
import { SPACE, unicodeClasses } from "../unicode-classes.ts";

/**
 * - `gpt2`, `llama3`, `qwen2`, `none`: of byte-level tokenizers; every character belongs to a word
 * - `whitespace`: words between white space, which is dropped (`WhitespaceSplit`)
 * - `bert`, `bert-uncased`: words and signs, in text that is cleaned, and lowercased without accents (`BertPreTokenizer`)
 * - `metaspace`: a space becomes U+2581, which begins a word; one is put before the text (`Metaspace`)
 */
export type WordSplitterName = PreTokenizerName | "whitespace" | "bert" | "bert-uncased" | "metaspace";

export const WORD_SPLITTER_NAMES: readonly WordSplitterName[] = [
  "gpt2",
  "llama3",
  "qwen2",
  "none",
  "whitespace",
  "bert",
  "bert-uncased",
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
export const PRE_TOKENIZER_JSON = {
  whitespace: { type: "WhitespaceSplit" },
  bert: { type: "BertPreTokenizer" },
  "bert-uncased": { type: "BertPreTokenizer" },
  metaspace: { type: "Metaspace", replacement: SPACE_MARK, prepend_scheme: "always", split: true },
} as const satisfies Record<string, JsonObject>;

/** The `normalizer` of those that have one. */
export const NORMALIZER_JSON: Readonly<Partial<Record<WordSplitterName, JsonObject>>> = {
  bert: bertNormalizer(false),
  "bert-uncased": bertNormalizer(true),
};

function bertNormalizer(lowercase: boolean): JsonObject {
  return { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase };
}

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
    case "bert":
    case "bert-uncased": {
      const normalize = readBertNormalizer(NORMALIZER_JSON[name]!, "normalizer");
      const classes = unicodeClasses();
      const signs = punctuation();
      return {
        ...whole,
        prepare: (text) => normalize(AlignedText.of(text, false)).text,
        pieceEnd: (text, start) => {
          const first = text.codePointAt(start)!;
          const gap = classes[first] === SPACE;
          let end = start + unitsOf(first);
          if (signs.has(first)) return end;
          for (; end < text.length; end += unitsOf(text.codePointAt(end)!)) {
            const point = text.codePointAt(end)!;
            if (signs.has(point) || (classes[point] === SPACE) !== gap) break;
          }
          return end;
        },
        isGap: (text, start) => classes[text.codePointAt(start)!] === SPACE,
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
