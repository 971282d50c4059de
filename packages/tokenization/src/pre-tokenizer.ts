/**
 * Cuts text into the pieces inside which byte pairs merge. Each cutter does what one regular expression, known by name,
 * does in Hugging Face tokenizers (Oniguruma, Unicode): by hand, because that is several times faster, and because
 * Node's Unicode tables and its `\s` differ from Oniguruma's. An expression that is not listed here is not supported.
 */
import { o200kPieceEnd } from "./pre-tokenizers/o200k.ts";
import { contractionEnd, isNewline, pointAt, runEnd, spaceEnd, whiteSpaceEnd } from "./pre-tokenizers/scan.ts";
import { LETTER, NUMBER, OTHER, SPACE, unicodeClasses } from "./unicode-classes.ts";
import { utf16Units } from "./utf16.ts";

/** `gpt2`: GPT-2's and the trainer's default; `llama3`: Llama 3's and cl100k's; `qwen2`: single digits; `none`: no cuts. */
export type PreTokenizerName = "gpt2" | "llama3" | "qwen2" | "none";

/** Those that text is encoded with. `o200k`: words are cut where small letters are followed by a capital one. */
export type PieceScannerName = PreTokenizerName | "o200k";

/** The end of the piece that starts at `start`, in the UTF-16 units of a text of `length`. `start < length`. */
export type PieceScanner = (units: Uint16Array, start: number, length: number) => number;

/** The same of a text. */
export type PieceEnd = (text: string, start: number) => number;

const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2 = LLAMA3.replace("\\p{N}{1,3}", "\\p{N}");

const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
const O200K = [
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${CONTRACTION}`,
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${CONTRACTION}`,
  "\\p{N}{1,3}",
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*",
  "\\s*[\\r\\n]+",
  "\\s+(?!\\S)",
  "\\s+",
].join("|");

/** The expression of a `Split` pre-tokenizer for a name; `gpt2` and `none` are flags of `ByteLevel` instead. */
export const SPLIT_PATTERNS: ReadonlyMap<PieceScannerName, string> = new Map<PieceScannerName, string>([
  ["llama3", LLAMA3],
  ["qwen2", QWEN2],
  ["o200k", O200K],
]);

/** Names by expression, as they stand in published files. */
export const PRE_TOKENIZER_BY_PATTERN: ReadonlyMap<string, PieceScannerName> = new Map<string, PieceScannerName>([
  ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", "gpt2"],
  [LLAMA3, "llama3"],
  [QWEN2, "qwen2"],
  [O200K, "o200k"],
]);

/** Keeps the units of the text that it was last asked about. */
export function pieceEnd(name: PieceScannerName): PieceEnd {
  const scan = pieceScanner(name);
  let last = "";
  let units: Uint16Array = new Uint16Array(0);
  return (text, start) => {
    if (text !== last) {
      units = utf16Units(text);
      last = text;
    }
    return scan(units, start, text.length);
  };
}

export function pieceScanner(name: PieceScannerName): PieceScanner {
  const classes = unicodeClasses();
  switch (name) {
    case "gpt2":
      return (units, start, length) => gpt2PieceEnd(classes, units, start, length);
    case "llama3":
      return (units, start, length) => llama3PieceEnd(classes, units, start, length, 3);
    case "qwen2":
      return (units, start, length) => llama3PieceEnd(classes, units, start, length, 1);
    case "o200k":
      return o200kPieceEnd();
    case "none":
      return (_units, _start, length) => length;
  }
}

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` */
function gpt2PieceEnd(classes: Uint8Array, units: Uint16Array, start: number, length: number): number {
  const first = units[start]!;
  if (first === 0x27) {
    const end = contractionEnd(units, start, length, false);
    if (end > start) return end;
  }
  const at = first === 0x20 && start + 1 < length ? start + 1 : start;
  const kind = classes[pointAt(units, at, length)]!;
  if (kind !== SPACE) return runEnd(classes, units, at, length, kind);
  return spaceEnd(start, length, runEnd(classes, units, start, length, SPACE));
}

/** Of `LLAMA3`; `maxDigits` is the upper bound of its `\p{N}{1,3}`. */
function llama3PieceEnd(
  classes: Uint8Array,
  units: Uint16Array,
  start: number,
  length: number,
  maxDigits: number,
): number {
  const point = pointAt(units, start, length);
  if (point === 0x27) {
    const end = contractionEnd(units, start, length, true);
    if (end > start) return end;
  }
  const kind = classes[point]!;
  const afterFirst = start + (point > 0xffff ? 2 : 1);
  if (kind === LETTER) return runEnd(classes, units, afterFirst, length, LETTER);
  if (kind === NUMBER) return runEnd(classes, units, afterFirst, length, NUMBER, maxDigits - 1);
  const second = afterFirst < length ? classes[pointAt(units, afterFirst, length)]! : -1;
  if (second === LETTER && !isNewline(point)) return runEnd(classes, units, afterFirst, length, LETTER);
  if (kind === OTHER || (point === 0x20 && second === OTHER)) {
    let end = runEnd(classes, units, afterFirst, length, OTHER);
    while (end < length && isNewline(units[end]!)) end++;
    return end;
  }
  return whiteSpaceEnd(classes, units, start, length);
}
