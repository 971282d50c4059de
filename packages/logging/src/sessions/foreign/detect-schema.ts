import type Database from "better-sqlite3";
import { LoggingError } from "../../errors.ts";
import { FIELD_NAMES } from "../parse-line.ts";

/** A table that looks like one of session events: which of its columns says what. */
export interface EventTable {
  readonly name: string;
  readonly columns: {
    readonly timestamp: string;
    readonly message: string;
    readonly session: string | undefined;
  };
}

/** Names that programs of this kind use, the likeliest first. */
const LIKELY_TABLES = ["session_events", "logs", "events", "messages"];
const TABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/**
 * Finds the table of events: the named one, else one of the likely names, else the one with the most columns that are understood.
 *
 * @throws {LoggingError} `LOGGING_TABLE_INVALID` for a name that is none, or that the database does not have; `LOGGING_DATABASE_INVALID` when no table has a time and a message
 */
export function detectEventTable(database: Database.Database, path: string, wanted?: string): EventTable {
  const names = tableNames(database);
  if (wanted !== undefined) {
    if (!TABLE_NAME.test(wanted) || !names.includes(wanted)) {
      throw new LoggingError(
        "LOGGING_TABLE_INVALID",
        `table: expected one of ${names.map((name) => JSON.stringify(name)).join(", ") || "none: the database is empty"}, got ${JSON.stringify(wanted.slice(0, 80))}`,
      );
    }
    const table = understand(database, wanted);
    if (table !== undefined) return table;
    throw notUnderstood(path, `table ${wanted} with`, columnsOf(database, wanted));
  }
  const found = names.flatMap((name) => understand(database, name) ?? []);
  for (const name of LIKELY_TABLES) {
    const likely = found.find((table) => table.name.toLowerCase() === name);
    if (likely !== undefined) return likely;
  }
  const best = found.sort((a, b) => understoodColumns(database, b.name) - understoodColumns(database, a.name))[0];
  if (best !== undefined) return best;
  throw notUnderstood(
    path,
    "a table with",
    names.map((name) => `${name}(${columnsOf(database, name).join(", ")})`),
  );
}

function understand(database: Database.Database, name: string): EventTable | undefined {
  const columns = columnsOf(database, name);
  const first = (synonyms: readonly string[]) =>
    synonyms.flatMap((synonym) => columns.find((column) => column.toLowerCase() === synonym) ?? [])[0];
  const timestamp = first(FIELD_NAMES.timestamp);
  const message = first(FIELD_NAMES.message);
  if (timestamp === undefined || message === undefined) return undefined;
  return { name, columns: { timestamp, message, session: first(FIELD_NAMES.session) } };
}

function understoodColumns(database: Database.Database, name: string): number {
  const columns = new Set(columnsOf(database, name).map((column) => column.toLowerCase()));
  return Object.values(FIELD_NAMES).filter((synonyms) => synonyms.some((synonym) => columns.has(synonym))).length;
}

/** Tables and views of people; those that SQLite and its extensions keep for themselves begin with `sqlite_` or belong to a virtual table. */
function tableNames(database: Database.Database): string[] {
  return database
    .prepare(
      "select name from pragma_table_list where schema = 'main' and type in ('table', 'view', 'virtual') and name not like 'sqlite\\_%' escape '\\' order by name",
    )
    .pluck()
    .all() as string[];
}

function columnsOf(database: Database.Database, table: string): string[] {
  return database.prepare("select name from pragma_table_info(?)").pluck().all(table) as string[];
}

function notUnderstood(path: string, where: string, found: readonly string[]): LoggingError {
  const list = (names: readonly string[]) => names.join(", ");
  return new LoggingError(
    "LOGGING_DATABASE_INVALID",
    `${path}: expected ${where} a time (${list(FIELD_NAMES.timestamp)}) and a message (${list(FIELD_NAMES.message)}), got ${list(found) || "no table"}`,
    { help: "Name another table with --table, or rename the columns in a view." },
  );
}
