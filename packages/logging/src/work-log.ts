/**
 * @module Three logs of a project that people and agents keep by hand: what was changed (`change_log.md`), what went wrong
 * (`errors.ndjson`), what came out (`results.md`). Each entry is one line at the end of its file, synced before the call
 * returns; any number of processes may write.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { redactText } from "@codex/safety";
import { errnoOf, makeDirectory, SharedLines, toStorageError } from "@codex/storage";
import { LoggingError } from "./errors.ts";

export interface WorkLogOptions {
  /** Folder of the logs. Default: `.codex`. */
  readonly directory?: string;
  /** The clock; for tests. */
  readonly now?: () => Date;
}

export interface LoggedChange {
  /** What it is about, in a word or two. */
  readonly section: string;
  readonly details: string;
}

export interface LoggedResult {
  readonly title: string;
  readonly details: string;
}

export interface LoggedError {
  /** What was being done: its number in a plan, if it has one, and in words. */
  readonly step: { readonly number?: number; readonly description: string };
  readonly message: string;
  /** What a person has to know to understand it. */
  readonly context?: string;
  /** What to try. */
  readonly suggestion?: string;
}

/** A line of `errors.ndjson`. */
export interface ErrorRecord {
  readonly schema_version: 1;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly step_number: number | null;
  readonly step_description: string;
  readonly message: string;
  readonly context: string | null;
  readonly suggestion: string | null;
}

const FILES = { changes: "change_log.md", errors: "errors.ndjson", results: "results.md" } as const;

/** Adds `- <time> **<section>** <details>` to `change_log.md`. @returns the path of the file @throws {StorageError} */
export function logChange(change: LoggedChange, options: WorkLogOptions = {}): Promise<string> {
  return append(FILES.changes, markdownLine(change.section, change.details, options), options);
}

/** Adds `- <time> **<title>** <details>` to `results.md`. @returns the path of the file @throws {StorageError} */
export function logResult(result: LoggedResult, options: WorkLogOptions = {}): Promise<string> {
  return append(FILES.results, markdownLine(result.title, result.details, options), options);
}

/** Adds a record to `errors.ndjson`. @returns the record as it was written @throws {StorageError} */
export async function logError(error: LoggedError, options: WorkLogOptions = {}): Promise<ErrorRecord> {
  const text = (value: string | undefined) => (value === undefined ? null : redactText(value));
  const record: ErrorRecord = {
    schema_version: 1,
    timestamp: timeOf(options),
    step_number: error.step.number ?? null,
    step_description: redactText(error.step.description),
    message: redactText(error.message),
    context: text(error.context),
    suggestion: text(error.suggestion),
  };
  await append(FILES.errors, JSON.stringify(record), options);
  return record;
}

/** The records of `errors.ndjson`, in order; no file has none. @throws {LoggingError} `LOGGING_FILE_FOREIGN` for a line that is no record */
export async function readErrors(options: Pick<WorkLogOptions, "directory"> = {}): Promise<ErrorRecord[]> {
  const path = pathOf(FILES.errors, options);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return "";
    throw toStorageError(error, "read", path);
  });
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line, index) => (line.trim() === "" ? [] : [parseError(line, `${path}:${index + 1}`)]));
}

/** A record as a question to whoever can help. */
export function formatErrorBlock(record: ErrorRecord): string {
  const step =
    record.step_number === null ? record.step_description : `${record.step_number}: ${record.step_description}`;
  const parts = [
    `Question ${record.timestamp}: While performing [${step}], encountered the following error: ${record.message}`,
    record.context === null ? undefined : `Context: ${record.context}`,
    record.suggestion === null ? undefined : `Suggestion: ${record.suggestion}`,
  ];
  return parts.filter((part) => part !== undefined).join("\n");
}

async function append(name: string, line: string, options: WorkLogOptions): Promise<string> {
  const path = pathOf(name, options);
  await makeDirectory(join(path, ".."));
  const lines = new SharedLines(path);
  try {
    lines.append([line]);
    await lines.sync();
  } finally {
    await lines.close();
  }
  return path;
}

function markdownLine(title: string, details: string, options: WorkLogOptions): string {
  const oneLine = (text: string) => redactText(text).replace(/\s+/g, " ").replaceAll("\0", "").trim();
  return `- ${timeOf(options)} **${oneLine(title).replaceAll("*", "\\*")}** ${oneLine(details)}`;
}

function timeOf({ now = () => new Date() }: WorkLogOptions): string {
  return now().toISOString();
}

function pathOf(name: string, { directory = ".codex" }: Pick<WorkLogOptions, "directory">): string {
  return join(directory, name);
}

function parseError(line: string, where: string): ErrorRecord {
  let record: Partial<ErrorRecord> | null | undefined;
  try {
    record = JSON.parse(line) as Partial<ErrorRecord> | null;
  } catch {
    // Told below, together with JSON that is no record.
  }
  if (record?.schema_version === 1 && typeof record.message === "string") return record as ErrorRecord;
  throw new LoggingError(
    "LOGGING_FILE_FOREIGN",
    `${where}: expected an error record of schema_version 1, got ${JSON.stringify(line.slice(0, 80))}`,
  );
}
