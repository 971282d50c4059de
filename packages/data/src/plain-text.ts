import type { Document } from "./document.ts";
import type { FoundFile } from "./input-files.ts";
import { readLines } from "./read-lines.ts";
import { readText } from "./read-text.ts";

/** UTF-16 units of a piece of a long file: what is in memory, and what an encoder gets at once. */
const PIECE_UNITS = 1 << 20;

/** Documents of a text file. The texts of unit "file" put together are the file, unit for unit. */
export function readPlainDocuments(file: FoundFile, unit: "file" | "paragraph" | "line"): AsyncIterable<Document> {
  if (unit === "line") return readLineDocuments(file);
  if (unit === "paragraph") return readParagraphs(file);
  return readPieces(file);
}

async function* readPieces(file: FoundFile): AsyncGenerator<Document> {
  let text = "";
  let continues = false;
  for await (const chunk of readText(file)) {
    text += chunk;
    while (text.length > PIECE_UNITS) {
      const end = cutBefore(text, PIECE_UNITS);
      yield { text: text.slice(0, end), origin: file.name, continues };
      text = text.slice(end);
      continues = true;
    }
  }
  if (text !== "") yield { text, origin: file.name, continues };
}

/**
 * Where to cut a text so that a tokenizer gives the same tokens for the two parts as for the whole, at or before
 * `limit`: after a line break with no other white space around it (pre-tokenizers break there, but take runs of white
 * space together), else after any line break, else between words, else between characters.
 */
function cutBefore(text: string, limit: number): number {
  const earliest = limit / 2;
  for (const boundary of [isLoneBreak, isBreak, isSpace]) {
    for (let at = limit; at > earliest; at--) if (boundary(text, at)) return at;
  }
  return /[\n\udc00-\udfff]/.test(text.charAt(limit)) ? limit - 1 : limit; // not within CRLF or a surrogate pair
}

const isLoneBreak = (text: string, at: number) =>
  isBreak(text, at) && !/\s/.test(text.charAt(at)) && !/\s/.test(text.charAt(at - 2));
const isBreak = (text: string, at: number) => text.charCodeAt(at - 1) === 0x0a;
// Before the space: byte-level pre-tokenizers take a space together with the word that follows it.
const isSpace = (text: string, at: number) => text.charCodeAt(at) === 0x20 && text.charCodeAt(at - 1) !== 0x20;

async function* readLineDocuments(file: FoundFile): AsyncGenerator<Document> {
  for await (const { lines, firstNumber } of readLines(file)) {
    for (let i = 0; i < lines.length; i++) yield { text: lines[i]!, origin: `${file.name}:${firstNumber + i}` };
  }
}

async function* readParagraphs(file: FoundFile): AsyncGenerator<Document> {
  let paragraph: string[] = [];
  let start = 0;
  for await (const { lines, firstNumber } of readLines(file)) {
    for (let i = 0; i < lines.length; i++) {
      if (lines[i]!.trim() !== "") {
        if (paragraph.length === 0) start = firstNumber + i;
        paragraph.push(lines[i]!);
      } else if (paragraph.length > 0) {
        yield { text: paragraph.join("\n"), origin: `${file.name}:${start}` };
        paragraph = [];
      }
    }
  }
  if (paragraph.length > 0) yield { text: paragraph.join("\n"), origin: `${file.name}:${start}` };
}
