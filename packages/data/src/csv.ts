import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { Document } from "./document.ts";
import { DataError } from "./errors.ts";
import type { FoundFile } from "./input-files.ts";
import { LONGEST_ROW } from "./read-lines.ts";
import { readText } from "./read-text.ts";

interface Row {
  readonly record: readonly string[];
  /** `lines`: the line that the row ends on, from 1. */
  readonly info: { readonly lines: number };
}

/**
 * One document per row (RFC 4180, with a header row), from a named column. Fields are separated by commas, in `.tsv` files
 * by tabs. Empty lines are skipped. @throws {DataError} `DATA_ROW_INVALID`
 */
export async function* readCsvDocuments(file: FoundFile, column: string): AsyncGenerator<Document> {
  let lastLine = 0; // of the rows parsed so far, which are ahead of those that came out of the stream
  const parser = parse({
    info: true,
    delimiter: /\.tsv(\.gz)?$/i.test(file.name) ? "\t" : ",",
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW,
    on_record: (record, { lines }) => {
      lastLine = lines;
      return record;
    },
  });
  const text = Readable.from(readText(file));
  // `pipe` does not carry errors on: bad bytes must end the loop below with their own error.
  text.on("error", (error) => parser.destroy(error)).pipe(parser);
  let columnIndex: number | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<Row>) {
      if (columnIndex === undefined) columnIndex = findColumn(record, column, file.name);
      else yield { text: record[columnIndex]!, origin: `${file.name}:${info.lines}` };
    }
  } catch (error) {
    throw error instanceof CsvError ? rowError(error, file.name, lastLine) : error;
  } finally {
    text.destroy();
  }
}

function findColumn(header: readonly string[], column: string, name: string): number {
  const index = header.indexOf(column);
  if (index >= 0) return index;
  throw new DataError(
    "DATA_ROW_INVALID",
    `${name}:1: expected a column "${column}", the header row has ${header.map((field) => JSON.stringify(field)).join(", ")}`,
    { help: 'Name the column that holds the text with the "column" option.' },
  );
}

function rowError(error: CsvError, name: string, lastLine: number): DataError {
  const unclosed = error.code === "CSV_QUOTE_NOT_CLOSED" || error.code === "CSV_MAX_RECORD_SIZE";
  const { lines } = error as CsvError & { lines?: number };
  return new DataError(
    "DATA_ROW_INVALID",
    unclosed
      ? `${name}:${lastLine + 1}: the row that begins here does not end: a quote is opened and not closed`
      : `${name}:${lines ?? lastLine + 1}: ${error.message}`,
    {
      cause: error,
      help: 'A field that holds a comma, a quote or a line break stands in quotes, and a quote in it is doubled: "a ""b""".',
    },
  );
}
