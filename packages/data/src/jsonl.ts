import type { Document } from "./document.ts";
import { DataError } from "./errors.ts";
import type { FoundFile } from "./input-files.ts";
import { readLines } from "./read-lines.ts";

/** One document per line, from a key of its JSON object. Blank lines are skipped. @throws {DataError} `DATA_ROW_INVALID` */
export async function* readJsonlDocuments(file: FoundFile, column: string): AsyncGenerator<Document> {
  for await (const { lines, firstNumber } of readLines(file)) {
    for (let i = 0; i < lines.length; i++) {
      if (lines[i]!.trim() === "") continue;
      const origin = `${file.name}:${firstNumber + i}`;
      yield { text: textOf(lines[i]!, column, origin), origin };
    }
  }
}

function textOf(line: string, column: string, origin: string): string {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (cause) {
    throw new DataError(
      "DATA_ROW_INVALID",
      `${origin}: expected one JSON object per line: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new DataError("DATA_ROW_INVALID", `${origin}: expected a JSON object, got ${describe(row)}`);
  }
  const text = Object.hasOwn(row, column) ? (row as Record<string, unknown>)[column] : undefined;
  if (typeof text === "string") return text;
  const keys = Object.keys(row).map((key) => JSON.stringify(key));
  throw new DataError(
    "DATA_ROW_INVALID",
    `${origin}: expected a string under "${column}", got ${describe(text)}; the row has ${keys.join(", ") || "no keys"}`,
    { help: 'Name the key that holds the text with the "column" option.' },
  );
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}
