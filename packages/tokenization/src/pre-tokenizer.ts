/**
 * Cuts text into the pieces inside which byte pairs merge. Each cutter does what one regular expression, known by name,
 * does in Hugging Face tokenizers (Oniguruma, Unicode): by hand, because that is several times faster, and because
 * Node's Unicode tables and its `\s` differ from Oniguruma's. An expression that is not listed here is not supported.
 */
import { LETTER, NUMBER, OTHER, SPACE, unicodeClasses } from "./unicode-classes.ts";

/** `gpt2`: GPT-2's and the trainer's default; `llama3`: Llama 3's and cl100k's; `qwen2`: single digits; `none`: no cuts. */
export type PreTokenizerName = "gpt2" | "llama3" | "qwen2" | "none";

/** The end of the piece that starts at `start`, both in UTF-16 units. `start < text.length`. */
export type PieceEnd = (text: string, start: number) => number;

const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2 = LLAMA3.replace("\\p{N}{1,3}", "\\p{N}");

/** The expression of a `Split` pre-tokenizer for a name; `gpt2` and `none` are flags of `ByteLevel` instead. */
export const SPLIT_PATTERNS: ReadonlyMap<PreTokenizerName, string> = new Map([
  ["llama3", LLAMA3],
  ["qwen2", QWEN2],
]);

/** Names by expression, as they stand in published files. */
export const PRE_TOKENIZER_BY_PATTERN: ReadonlyMap<string, PreTokenizerName> = new Map([
  ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", "gpt2"],
  [LLAMA3, "llama3"],
  [QWEN2, "qwen2"],
]);

export function pieceEnd(name: PreTokenizerName): PieceEnd {
  const classes = unicodeClasses();
  switch (name) {
    case "gpt2":
      return (text, start) => gpt2PieceEnd(classes, text, start);
    case "llama3":
      return (text, start) => llama3PieceEnd(classes, text, start, 3);
    case "qwen2":
      return (text, start) => llama3PieceEnd(classes, text, start, 1);
    case "none":
      return (text) => text.length;
  }
}

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` */
function gpt2PieceEnd(classes: Uint8Array, text: string, start: number): number {
  const point = text.codePointAt(start)!;
  if (point === 0x27) {
    const end = contractionEnd(text, start, false);
    if (end > start) return end;
  }
  let at = start;
  if (point === 0x20 && start + 1 < text.length) at++;
  const kind = classes[text.codePointAt(at)!]!;
  if (kind !== SPACE) return runEnd(classes, text, at, kind);
  return spaceEnd(text, start, runEnd(classes, text, start, SPACE));
}

/** Of `LLAMA3`; `maxDigits` is the upper bound of its `\p{N}{1,3}`. */
function llama3PieceEnd(classes: Uint8Array, text: string, start: number, maxDigits: number): number {
  const point = text.codePointAt(start)!;
  if (point === 0x27) {
    const end = contractionEnd(text, start, true);
    if (end > start) return end;
  }
  const kind = classes[point]!;
  const afterFirst = start + (point > 0xffff ? 2 : 1);
  if (kind === LETTER) return runEnd(classes, text, afterFirst, LETTER);
  if (kind === NUMBER) return runEnd(classes, text, afterFirst, NUMBER, maxDigits - 1);
  const second = afterFirst < text.length ? classes[text.codePointAt(afterFirst)!]! : -1;
  if (second === LETTER && !isNewline(point)) return runEnd(classes, text, afterFirst, LETTER);
  if (kind === OTHER || (point === 0x20 && second === OTHER)) {
    let end = runEnd(classes, text, afterFirst, OTHER);
    while (end < text.length && isNewline(text.charCodeAt(end))) end++;
    return end;
  }
  const end = runEnd(classes, text, start, SPACE);
  for (let i = end; i > start; i--) if (isNewline(text.charCodeAt(i - 1))) return i; // \s*[\r\n]+
  return spaceEnd(text, start, end);
}

/** Where characters of one class end, at most `limit` of them. */
function runEnd(
  classes: Uint8Array,
  text: string,
  start: number,
  kind: number,
  limit = Number.POSITIVE_INFINITY,
): number {
  let end = start;
  for (let count = 0; end < text.length && count < limit; count++) {
    const point = text.codePointAt(end)!;
    if (classes[point] !== kind) break;
    end += point > 0xffff ? 2 : 1;
  }
  return end;
}

/** `\s+(?!\S)|\s+` on a run of white space: the last one is left for the word that follows, unless it is the only one. */
function spaceEnd(text: string, start: number, end: number): number {
  return end === text.length || end - start === 1 ? end : end - 1; // no white space is longer than one UTF-16 unit
}

/** `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, or its position if there is none of these. */
function contractionEnd(text: string, start: number, ignoreCase: boolean): number {
  let first = text[start + 1] ?? "";
  let second = text[start + 2] ?? "";
  if (ignoreCase) {
    first = foldCase(first);
    second = foldCase(second);
  }
  if (first === "s" || first === "t" || first === "m" || first === "d") return start + 2;
  if ((first === "r" || first === "v") && second === "e") return start + 3;
  return first === "l" && second === "l" ? start + 3 : start;
}

function foldCase(character: string): string {
  return character === "\u017f" ? "s" : character.toLowerCase(); // long s folds to s
}

function isNewline(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d;
}
