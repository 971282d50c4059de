import Type from "typebox";
import { checkChoice } from "./check-choice.ts";
import { readCsvDocuments } from "./csv.ts";
import type { Document, TextSource } from "./document.ts";
import { createInputHasher, type FoundFile, findInputFiles } from "./input-files.ts";
import { readJsonlDocuments } from "./jsonl.ts";
import { readPlainDocuments } from "./plain-text.ts";

/** Which files, and how they hold their documents. */
export const TextSourceOptions = Type.Object(
  {
    path: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
      description: "File, folder or glob, or a list of them. Gzip files are unpacked.",
    }),
    format: Type.Union([Type.Literal("auto"), Type.Literal("text"), Type.Literal("jsonl"), Type.Literal("csv")], {
      default: "auto",
      description: "auto: by the file's extension (.jsonl, .ndjson, .csv, .tsv, each also with .gz), otherwise text.",
    }),
    unit: Type.Union([Type.Literal("file"), Type.Literal("paragraph"), Type.Literal("line")], {
      default: "file",
      description: "What one document is in a text file: all of it, a block between blank lines, or a line.",
    }),
    column: Type.String({ default: "text", description: "The JSONL key or CSV column that holds the text." }),
  },
  { additionalProperties: false },
);
export type TextSourceOptions = Type.Static<typeof TextSourceOptions>;

export type TextFormat = "text" | "jsonl" | "csv";

/**
 * Documents from text, JSONL and CSV files, in the order of the files' names. Memory does not grow with the files.
 *
 * @param options.path - relative paths start at `directory`
 * @throws {DataError} `DATA_OPTIONS_INVALID`; while it is read: `DATA_FILE_NOT_FOUND`, `DATA_UTF8_INVALID`, `DATA_BINARY_FILE`,
 * `DATA_GZIP_INVALID`, `DATA_ROW_INVALID` (file and line)
 */
export function createTextSource(
  options: Pick<TextSourceOptions, "path"> & Partial<TextSourceOptions>,
  context: { directory?: string } = {},
): TextSource {
  const { path, format = "auto", unit = "file", column = "text" } = options;
  checkChoice("format", TextSourceOptions.properties.format, format);
  checkChoice("unit", TextSourceOptions.properties.unit, unit);
  const directory = context.directory ?? process.cwd();
  const find = () => findInputFiles(typeof path === "string" ? [path] : path, directory);

  const hash = createInputHasher();

  const readFile = (file: FoundFile): AsyncIterable<Document> => {
    const fileFormat = format === "auto" ? formatOf(file.name) : format;
    if (fileFormat === "jsonl") return readJsonlDocuments(file, column);
    if (fileFormat === "csv") return readCsvDocuments(file, column);
    return readPlainDocuments(file, unit);
  };

  return {
    settings: { dataset: "text", format, unit, column },
    async *documents() {
      for (const file of await find()) yield* readFile(file);
    },
    inputs: async (inputOptions) => hash(await find(), inputOptions),
  };
}

function formatOf(name: string): TextFormat {
  const extension = /\.([^./]+?)(\.gz)?$/i.exec(name)?.[1]?.toLowerCase();
  if (extension === "jsonl" || extension === "ndjson") return "jsonl";
  return extension === "csv" || extension === "tsv" ? "csv" : "text";
}
