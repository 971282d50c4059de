import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { Document } from "./document.ts";
import { DataError } from "./errors.ts";
import type { FoundFile } from "./input-files.ts";
import { LONGEST_ROW } from "./read-lines.ts";
import { readText } from "./read-text.ts";

interface Row {
  readonly record: string[];
  /** `lines`: the line that the row ends on, from 1. */
  readonly info: { readonly lines: number };
}

/**
 * One document per row (RFC 4180, with a header row), from a named column. Fields are separated by commas, in `.tsv` files
 * by tabs. Empty lines are skipped. @throws {DataError} `DATA_ROW_INVALID`
 */
export async function* readCsvDocuments(file: FoundFile, column: string): AsyncGenerator<Document> {
  const delimiter = /\.tsv(\.gz)?$/i.test(file.name) ? "\t" : ",";
  const text = Readable.from(readText(file));
  const parser = text.pipe(parse({ delimiter, info: true, skip_empty_lines: true, max_record_size: LONGEST_ROW }));
  // `pipe` does not carry errors on: bad bytes must end the loop below with their own error.
  text.on("error", (error) => parser.destroy(error));
  let columnIndex: number | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<Row>) {
      if (columnIndex === undefined) columnIndex = findColumn(record, column, file.name);
      else yield { text: record[columnIndex]!, origin: `${file.name}:${info.lines}` };
    }
  } catch (error) {
    throw error instanceof CsvError ? rowError(error, file.name) : error;
  } finally {
    text.destroy();
  }
}

function findColumn(header: string[], column: string, name: string): number {
  const index = header.indexOf(column);
  if (index >= 0) return index;
  throw new DataError(
    "DATA_ROW_INVALID",
    `${name}:1: expected a column "${column}", the header row has ${header.map((field) => JSON.stringify(field)).join(", ")}`,
    { help: 'Name the column that holds the text with the "column" option.' },
  );
}

function rowError(error: CsvError, name: string): DataError {
  const { lines } = error as CsvError & { lines?: number };
  return new DataError("DATA_ROW_INVALID", `${name}:${lines ?? 1}: ${error.message}`, {
    cause: error,
    help: 'A field that holds a comma, a quote or a line break stands in quotes, and a quote in it is doubled: "a ""b""".',
  });
}
