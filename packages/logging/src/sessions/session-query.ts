import { LoggingError } from "../errors.ts";
import { parseWhen } from "./parse-when.ts";
import {
  assertLevel,
  assertRole,
  SESSION_EVENT_TYPES,
  type SessionEventType,
  type SessionLevel,
  type SessionRole,
} from "./session-event.ts";

/** Which events, and in which order. All conditions have to hold; of a list, one. */
export interface SessionQuery {
  readonly sessionId?: string | readonly string[];
  readonly role?: SessionRole | readonly SessionRole[];
  readonly level?: SessionLevel | readonly SessionLevel[];
  readonly type?: SessionEventType | readonly SessionEventType[];
  /** Text within the message, in upper or lower case. Looks at every message that the other conditions leave. */
  readonly contains?: string;
  /** Full-text search: see `searchSyntax`. */
  readonly search?: string;
  /**
   * `fts5`: `search` is a query of SQLite's FTS5 (`error AND (disk OR "no space")`, `time*`). `words`: every word has to be in
   * the message, and no character means anything else. Default: `fts5` where the text is one, else `words`.
   */
  readonly searchSyntax?: "fts5" | "words";
  /** From then on, inclusive. A text is read by `parseWhen`. */
  readonly since?: Date | string;
  /** Up to then, inclusive; a plain date means the whole day. */
  readonly until?: Date | string;
  /** By time, then as written. Default: `asc`. */
  readonly order?: "asc" | "desc";
  readonly limit?: number;
  readonly offset?: number;
  /** The newest so many of what the conditions leave, in the asked order. Not together with `limit` or `offset`. */
  readonly tail?: number;
}

/** A query that has been checked; times in seconds since 1970. */
export interface CheckedQuery {
  readonly sessionId: readonly string[] | undefined;
  readonly role: readonly SessionRole[] | undefined;
  readonly level: readonly SessionLevel[] | undefined;
  readonly type: readonly SessionEventType[] | undefined;
  readonly contains: string | undefined;
  readonly search: string | undefined;
  readonly searchSyntax: "fts5" | "words" | undefined;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly order: "asc" | "desc";
  readonly limit: number | undefined;
  readonly offset: number;
  readonly tail: number | undefined;
}

const MAX_SEARCH_CHARACTERS = 4096;

/** @throws {LoggingError} `LOGGING_QUERY_INVALID`, `LOGGING_TIME_INVALID`, `LOGGING_EVENT_INVALID` (role, level), `LOGGING_SEARCH_INVALID` */
export function checkQuery(query: SessionQuery): CheckedQuery {
  const { order = "asc", limit, offset = 0, tail, search, contains } = query;
  const role = toList(query.role);
  const level = toList(query.level);
  const type = toList(query.type);
  for (const one of role ?? []) assertRole(one);
  for (const one of level ?? []) assertLevel(one);
  for (const one of type ?? []) expectOneOf("type", one, SESSION_EVENT_TYPES);
  expectOneOf("order", order, ["asc", "desc"]);
  for (const [name, value] of Object.entries({ limit, offset, tail })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw new LoggingError(
      "LOGGING_QUERY_INVALID",
      `${name}: expected a whole number from 0, got ${JSON.stringify(value)}`,
    );
  }
  if (tail !== undefined && (limit !== undefined || offset > 0)) {
    throw new LoggingError("LOGGING_QUERY_INVALID", "tail: expected without limit and offset, got both");
  }
  if (search !== undefined && (search.trim() === "" || search.length > MAX_SEARCH_CHARACTERS)) {
    throw new LoggingError(
      "LOGGING_SEARCH_INVALID",
      `search: expected a text of at most ${MAX_SEARCH_CHARACTERS} characters, got ${search.length}`,
    );
  }
  return {
    sessionId: toList(query.sessionId),
    role,
    level,
    type,
    contains: contains === "" ? undefined : contains,
    search,
    searchSyntax: query.searchSyntax,
    since: toSeconds(query.since, "start"),
    until: toSeconds(query.until, "end"),
    order,
    limit,
    offset,
    tail,
  };
}

/** Every word between double quotes, in which FTS5 reads nothing but words. */
export function quoteWords(text: string): string {
  return text
    .replaceAll("\0", " ")
    .trim()
    .split(/\s+/)
    .map((word) => `"${word.replaceAll('"', '""')}"`)
    .join(" ");
}

function toList<T extends string>(value: T | readonly T[] | undefined): readonly T[] | undefined {
  return value === undefined ? undefined : typeof value === "string" ? [value] : value;
}

function toSeconds(value: Date | string | undefined, edge: "start" | "end"): number | undefined {
  if (value === undefined) return undefined;
  const date = typeof value === "string" ? parseWhen(value, edge) : value;
  if (Number.isNaN(date.getTime()))
    throw new LoggingError("LOGGING_TIME_INVALID", "time: expected a valid date, got an invalid one");
  return date.getTime() / 1000;
}

function expectOneOf(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new LoggingError(
    "LOGGING_QUERY_INVALID",
    `${name}: expected one of ${known.join(", ")}, got ${JSON.stringify(String(value).slice(0, 40))}`,
  );
}
