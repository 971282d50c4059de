import { type Command, Option } from "commander";
import { wholeNumber } from "./shared-options.ts";

/** How files hold their documents. */
export interface TextFileFlags {
  readonly format?: "auto" | "text" | "jsonl" | "csv";
  readonly unit?: "file" | "paragraph" | "line";
  readonly column?: string;
}

export function withTextFileOptions(command: Command): Command {
  const formats = ["auto", "text", "jsonl", "csv"];
  return command
    .addOption(new Option("--format <name>", "of the files; auto: by their extensions").choices(formats))
    .addOption(
      new Option("--unit <name>", "what one document is in a text file").choices(["file", "paragraph", "line"]),
    )
    .option("--column <name>", "the JSONL key or CSV column that holds the text (default: text)");
}

/** Only what was given. */
export function textFileFlags({ format, unit, column }: TextFileFlags) {
  return {
    ...(format === undefined ? {} : { format }),
    ...(unit === undefined ? {} : { unit }),
    ...(column === undefined ? {} : { column }),
  };
}

/** What counting words may take. */
export interface BudgetFlags {
  readonly memoryBudgetMb?: number;
  readonly diskBudgetMb?: number;
  readonly threads?: number;
}

const MEGABYTE = 2 ** 20;

export function withBudgetOptions(command: Command): Command {
  return command
    .option("--memory-budget-mb <n>", "memory that counting takes at most", wholeNumber("--memory-budget-mb", 1))
    .option(
      "--disk-budget-mb <n>",
      "disk that it takes at most; past it rare words are left out",
      wholeNumber("--disk-budget-mb", 4),
    )
    .option("--threads <n>", "threads of the native library; the result is the same", wholeNumber("--threads", 1));
}

/** Only what was given, in bytes. */
export function budgetFlags({ memoryBudgetMb, diskBudgetMb, threads }: BudgetFlags) {
  return {
    ...(memoryBudgetMb === undefined ? {} : { memoryBudgetBytes: memoryBudgetMb * MEGABYTE }),
    ...(diskBudgetMb === undefined ? {} : { diskBudgetBytes: diskBudgetMb * MEGABYTE }),
    ...(threads === undefined ? {} : { threads }),
  };
}
