import { asArray, asFlag, asObject, asString, invalid } from "../../json-reader.ts";
import { unsupported } from "../../tokenizer-json.ts";
import type { AlignedText } from "../aligned-text.ts";
import { isWhiteSpace, numeric, punctuation, unitsOf, word } from "../characters.ts";
import { checkDepth } from "../limits.ts";
import { readPattern } from "../regex/expression.ts";
import { byteLevel } from "./byte-level.ts";
import { metaspace, readMetaspace } from "./metaspace.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";
import { characterSplitter, readBehavior, splitter } from "./split.ts";
import { unicodeScripts } from "./unicode-scripts.ts";

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
export function readPreTokenizer(value: unknown, path = "pre_tokenizer", depth = 0): PreTokenizer | undefined {
  if (value === undefined || value === null) return undefined;
  checkDepth(depth, path);
  const where = `tokenizer.json: ${path}`;
  const options = asObject(value, where);
  switch (options.type) {
    case "Sequence": {
      const steps = asArray(options.pretokenizers, `${where}.pretokenizers`).map(
        (one, index) => readPreTokenizer(asObject(one, where), `${path}.pretokenizers[${index}]`, depth + 1)!,
      );
      return (text) => steps.reduce((pieces, step) => pieces.flatMap(step).filter(isNotEmpty), [text]);
    }
    case "BertPreTokenizer": {
      const cut = characterSplitter((point) => punctuation().has(point), "Isolated");
      return (text) => atWhiteSpace(text).filter(isNotEmpty).flatMap(cut);
    }
    case "ByteLevel":
      return byteLevel({
        addPrefixSpace: asFlag(options.add_prefix_space, `${where}.add_prefix_space`),
        useRegex: asFlag(options.use_regex, `${where}.use_regex`, true),
      });
    case "Whitespace":
      return wordsAndSigns;
    case "WhitespaceSplit":
      return atWhiteSpace;
    case "Metaspace":
      return metaspace(readMetaspace(options, where));
    case "Split":
      return splitter(
        readPattern(options.pattern, `${path}.pattern`),
        readBehavior(options.behavior, `${where}.behavior`),
        asFlag(options.invert, `${where}.invert`),
      );
    case "Punctuation":
      return characterSplitter(
        (point) => punctuation().has(point),
        readBehavior(options.behavior ?? "Isolated", `${where}.behavior`),
      );
    case "Digits": {
      const individual = asFlag(options.individual_digits, `${where}.individual_digits`);
      return characterSplitter((point) => numeric().has(point), individual ? "Isolated" : "Contiguous");
    }
    case "CharDelimiterSplit": {
      const delimiter = [...asString(options.delimiter, `${where}.delimiter`)];
      if (delimiter.length !== 1) return invalid(`${where}.delimiter`, "one character", options.delimiter);
      const delimiterPoint = delimiter[0]!.codePointAt(0)!;
      return characterSplitter((point) => point === delimiterPoint, "Removed");
    }
    case "UnicodeScripts":
      return unicodeScripts;
    case "FixedLength":
      return fixedLength(options.length ?? 5, `${where}.length`);
    default:
      throw unsupported(`${path}.type`, "a pre-tokenizer of tokenizers 0.23", options.type);
  }
}

const isNotEmpty = (piece: AlignedText): boolean => piece.text !== "";

const atWhiteSpace = characterSplitter(isWhiteSpace, "Removed");

/** `Whitespace`: `\w+|[^\w\s]+`, with the word characters of Unicode. */
const wordsAndSigns: PreTokenizer = (text) => {
  let kind: "space" | "word" | "sign" | undefined;
  const pieces: AlignedText[] = [];
  let start = 0;
  const flush = (end: number): void => {
    if (kind !== undefined && kind !== "space") pieces.push(text.slice(start, end));
    start = end;
  };
  for (let i = 0; i < text.text.length; ) {
    const point = text.text.codePointAt(i)!;
    const next = word().has(point) ? "word" : isWhiteSpace(point) ? "space" : "sign";
    if (next !== kind) flush(i);
    kind = next;
    i += unitsOf(point);
  }
  flush(text.text.length);
  return pieces;
};

function fixedLength(length: unknown, where: string): PreTokenizer {
  if (typeof length !== "number" || !Number.isInteger(length) || length < 1) {
    return invalid(where, "a positive integer", length);
  }
  return (text) => {
    const pieces: AlignedText[] = [];
    let start = 0;
    let count = 0;
    for (let i = 0; i < text.text.length; ) {
      i += unitsOf(text.text.codePointAt(i)!);
      if (++count === length || i === text.text.length) {
        pieces.push(text.slice(start, i));
        start = i;
        count = 0;
      }
    }
    return pieces;
  };
}
