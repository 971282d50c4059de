/** What filters and string methods have in common. */
import type { Budget } from "./budget.ts";
import { characters } from "./values.ts";
import { isSpace, stripEnd, stripStart } from "./white-space.ts";

/** `str.strip` */
export function strip(text: string, characters?: string): string {
  return stripEnd(stripStart(text, characters), characters);
}

/** `str.replace` @param count - at most so many; negative: all */
export function replace(text: string, search: string, by: string, count: number, budget: Budget): string {
  const limit = count < 0 ? Number.POSITIVE_INFINITY : count;
  const parts = search === "" ? ["", ...characters(text), ""] : text.split(search);
  const replaced = Math.min(parts.length - 1, limit);
  budget.text(text.length + replaced * Math.max(0, by.length - search.length));
  budget.touch(text.length);
  return (
    parts.slice(0, replaced + 1).join(by) +
    parts
      .slice(replaced + 1)
      .map((part) => search + part)
      .join("")
  );
}

/** `str.capitalize` */
export function capitalized(text: string): string {
  const first = String.fromCodePoint(...(text === "" ? [] : [text.codePointAt(0)!]));
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** What ends a line for `str.splitlines`; CR LF ends one. */
const LINE_ENDS = new Set("\n\v\f\r\u001c\u001d\u001e\u0085\u2028\u2029");

/** `str.splitlines` */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (!LINE_ENDS.has(text[at]!)) continue;
    lines.push(text.slice(start, at));
    if (text[at] === "\r" && text[at + 1] === "\n") at++;
    start = at + 1;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** `str.split` without a separator: at white space. */
export function splitWords(text: string, limit: number, fromEnd = false): string[] {
  const words: string[] = [];
  const rest = fromEnd ? stripEnd(text) : stripStart(text);
  let [start, end] = [0, rest.length];
  while (start < end) {
    if (words.length === limit) {
      words.push(fromEnd ? stripEnd(rest.slice(0, end)) : stripStart(rest.slice(start)));
      break;
    }
    if (fromEnd) {
      let word = end;
      while (word > 0 && !isSpace(rest[word - 1])) word--;
      words.push(rest.slice(word, end));
      end = word;
      while (end > 0 && isSpace(rest[end - 1])) end--;
    } else {
      let word = start;
      while (word < end && !isSpace(rest[word])) word++;
      words.push(rest.slice(start, word));
      start = word;
      while (start < end && isSpace(rest[start])) start++;
    }
  }
  return fromEnd ? words.reverse() : words;
}

/** `str.split` and `str.rsplit` with a separator. */
export function splitAt(text: string, separator: string, limit: number, fromEnd = false): string[] {
  const parts = text.split(separator);
  if (parts.length - 1 <= limit) return parts;
  return fromEnd
    ? [parts.slice(0, parts.length - limit).join(separator), ...parts.slice(parts.length - limit)]
    : [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}
