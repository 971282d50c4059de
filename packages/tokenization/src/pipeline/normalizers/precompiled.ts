/**
 * `Precompiled`: the character map of a SentencePiece model: a double-array trie (Darts) from byte strings to offsets in
 * a table of NUL-ended replacements. Applied as Hugging Face tokenizers does: a grapheme of fewer than 6 bytes is looked
 * up as a whole, and the first (shortest) prefix that the trie knows stands for all of it; else each character is.
 */
import { asString, invalid, type JsonObject } from "../../json-reader.ts";
import { encodeUtf8 } from "../../utf8.ts";
import type { AlignedText, Change } from "../aligned-text.ts";
import type { Normalizer } from "./normalizer.ts";

const MAX_GRAPHEME_BYTES = 5;
const MAX_MAP_BYTES = 2 ** 26;
const MAX_CACHED = 65_536; // graphemes
const WINDOW = 128; // UTF-16 units that are cut into graphemes at a time

export function readPrecompiled(options: JsonObject, where: string): Normalizer {
  const at = `${where}.precompiled_charsmap`;
  const map = asString(options.precompiled_charsmap, at);
  if (map.length > MAX_MAP_BYTES || !/^[A-Za-z0-9+/]*={0,2}$/.test(map)) {
    return invalid(at, `at most ${MAX_MAP_BYTES} bytes in base64`, map);
  }
  const bytes = Buffer.from(map, "base64");
  if (bytes.length < 4) return invalid(at, "a trie and a table", map);
  const trieSize = bytes.readUInt32LE(0);
  if (trieSize % 4 !== 0 || 4 + trieSize > bytes.length) return invalid(at, "a trie that lies inside", trieSize);
  const units = new Uint32Array(trieSize / 4);
  for (let i = 0; i < units.length; i++) units[i] = bytes.readUInt32LE(4 + 4 * i);
  const table = bytes.subarray(4 + trieSize);
  if (units.length === 0) return (text) => text;

  const replacementOf = (text: string): string | undefined => {
    const found = firstPrefix(units, encodeUtf8(text));
    if (found === undefined || found >= table.length) return undefined;
    const end = table.indexOf(0, found);
    return table.toString("utf8", found, end < 0 ? table.length : end);
  };
  const cache = new Map<string, string | null>();
  const transform = (text: string): string | undefined => {
    let known = cache.get(text);
    if (known === undefined) {
      known = replacementOf(text) ?? null;
      if (cache.size < MAX_CACHED) cache.set(text, known);
    }
    return known ?? undefined;
  };
  return (text) => apply(text, transform);
}

/** The value of the shortest prefix of `key` in the trie. */
function firstPrefix(units: Uint32Array, key: Uint8Array): number | undefined {
  let position = offsetOf(units[0]!);
  for (const byte of key) {
    if (byte === 0) return undefined;
    position = (position ^ byte) >>> 0;
    const unit = units[position];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
    position = (position ^ offsetOf(unit)) >>> 0;
    if (((unit >>> 8) & 1) === 1) {
      const leaf = units[position];
      return leaf === undefined ? undefined : leaf & 0x7fffffff;
    }
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}

function apply(aligned: AlignedText, transform: (text: string) => string | undefined): AlignedText {
  const changes: Change[] = [];
  let modified = false;
  for (const grapheme of graphemes(aligned.text)) {
    if (grapheme.length <= MAX_GRAPHEME_BYTES && Buffer.byteLength(grapheme) <= MAX_GRAPHEME_BYTES) {
      const whole = transform(grapheme);
      if (whole !== undefined) {
        modified = true;
        substitute(changes, grapheme, whole);
        continue;
      }
    }
    for (const character of grapheme) {
      const one = transform(character);
      if (one === undefined) changes.push({ character, change: 0 });
      else {
        modified = true;
        substitute(changes, character, one);
      }
    }
  }
  return modified ? aligned.transform(changes) : aligned;
}

/** The new characters replace the old ones one by one; those that are more are inserted, those that are fewer remove the rest. */
function substitute(changes: Change[], before: string, after: string): void {
  const added = [...after];
  const difference = added.length - [...before].length;
  added.forEach((character, index) => {
    changes.push({ character, change: difference > 0 && index >= added.length - difference ? 1 : 0 });
  });
  const last = changes.at(-1);
  if (difference < 0 && last !== undefined) {
    changes[changes.length - 1] = { character: last.character, change: last.change + difference };
  }
}

let segmenter: Intl.Segmenter | undefined;

/** Grapheme clusters. Between two characters of ASCII there is always a boundary, but for CR LF. */
function* graphemes(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  const isAscii = (at: number): boolean => text.charCodeAt(at) < 0x80;
  const isLineBreak = (at: number): boolean => text[at] === "\r" && text[at + 1] === "\n";
  for (let start = 0; start < text.length; ) {
    let end = start + 1;
    while (end < text.length && (!isAscii(end - 1) || !isAscii(end) || isLineBreak(end - 1))) end++;
    if (end - start === 1) yield text[start]!;
    else if (end - start === 2 && isLineBreak(start)) yield "\r\n";
    else yield* clusters(segmenter, text.slice(start, end));
    start = end;
  }
}

/** In windows: a step of the segmenter takes time in proportion to the text that it was given. */
function* clusters(segmenter: Intl.Segmenter, text: string): Generator<string> {
  for (let start = 0, size = WINDOW; start < text.length; ) {
    const end = Math.min(start + size, text.length);
    const found = Array.from(segmenter.segment(text.slice(start, end)), ({ segment }) => segment);
    // The last one may go on after the window.
    if (end < text.length) found.pop();
    for (const segment of found) {
      yield segment;
      start += segment.length;
    }
    size = found.length === 0 ? size * 2 : WINDOW;
  }
}
