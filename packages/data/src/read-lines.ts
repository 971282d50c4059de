import { DataError } from "./errors.ts";
import type { FoundFile } from "./input-files.ts";
import { readText } from "./read-text.ts";

/** UTF-16 units of one line or row; beyond that it is not a line of text but a file without line breaks. */
export const LONGEST_ROW = 1 << 26;

/** The lines of a file without their ends (LF or CRLF), many at a time: an iteration per line would cost more than it. */
export async function* readLines(file: FoundFile): AsyncGenerator<{ lines: string[]; firstNumber: number }> {
  let firstNumber = 1;
  let rest = "";
  for await (const chunk of readText(file)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    if (rest.length > LONGEST_ROW) {
      throw new DataError(
        "DATA_ROW_INVALID",
        `${file.name}:${firstNumber + lines.length}: a line of more than ${LONGEST_ROW} characters`,
        { help: "Is this file made of lines?" },
      );
    }
    if (lines.length === 0) continue;
    yield { lines: lines.map(withoutReturn), firstNumber };
    firstNumber += lines.length;
  }
  if (rest !== "") yield { lines: [withoutReturn(rest)], firstNumber };
}

const withoutReturn = (line: string) => (line.endsWith("\r") ? line.slice(0, -1) : line);
