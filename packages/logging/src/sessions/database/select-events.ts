import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from "kysely";
import { LoggingError } from "../../errors.ts";
import type { SessionEvent } from "../session-event.ts";
import { type CheckedQuery, quoteWords } from "../session-query.ts";
import type { SessionTables } from "./schema.ts";

export type EventRow = Omit<SessionTables["session_events"], "event_key"> & { event_key: number };

type EventQuery = SelectQueryBuilder<SessionTables, "session_events" | "session_messages", unknown>;

/** What the full-text index is asked. */
interface Match {
  readonly text: string;
  /** The one session that is asked for has so few events that their keys are listed. */
  readonly listKeys: boolean;
}

/** Listing that many keys takes about 10 ms. */
const MAX_LISTED_KEYS = 50_000;

/** The conditions of a query. @param match - of a query with a search */
function whereEvents(db: Kysely<SessionTables>, query: CheckedQuery, match: Match | undefined): EventQuery {
  const { sessionId, role, level, type, contains, since, until } = query;
  let select = db.selectFrom("session_events") as EventQuery;
  if (match !== undefined) select = matching(db, match, sessionId);
  // One is written as one: SQLite then keeps the order of an index on it.
  if (sessionId?.length === 1) select = select.where("session_events.session_id", "=", sessionId[0]!);
  else if (sessionId !== undefined) select = select.where("session_events.session_id", "in", sessionId);
  if (role !== undefined) select = select.where("role", "in", role);
  if (level !== undefined) select = select.where("level", "in", level);
  if (type !== undefined) select = select.where("type", "in", type);
  if (contains !== undefined) select = select.where(containing(contains));
  if (since !== undefined) select = select.where("ts", ">=", since);
  if (until !== undefined) select = select.where("ts", "<=", until);
  return select;
}

/**
 * @param after - the row that the last answer ended with, to go on behind it
 * @throws {LoggingError} `LOGGING_SEARCH_INVALID`
 */
export async function selectEvents(
  db: Kysely<SessionTables>,
  query: CheckedQuery,
  after?: Pick<EventRow, "ts" | "event_key">,
): Promise<EventRow[]> {
  const last = query.tail !== undefined;
  const direction = last ? "desc" : query.order;
  const limit = query.tail ?? query.limit;
  const rows = await withMatch(db, query, (match) => {
    let select = whereEvents(db, query, match).selectAll("session_events");
    // The full-text index gives its matches in the order of their keys; by time they would all have to be sorted first.
    if (match === undefined) select = select.orderBy("ts", direction).orderBy("event_key", direction);
    else select = select.orderBy("session_messages.rowid", direction);
    if (after !== undefined) select = select.where(behind(after, direction, match !== undefined));
    if (limit !== undefined || query.offset > 0) select = select.limit(limit ?? -1).offset(query.offset);
    return select.execute();
  });
  return (last && query.order === "asc" ? rows.reverse() : rows) as EventRow[];
}

/** @throws {LoggingError} `LOGGING_SEARCH_INVALID` */
export async function countEvents(db: Kysely<SessionTables>, query: CheckedQuery): Promise<number> {
  const [row] = await withMatch(db, query, (match) =>
    whereEvents(db, query, match)
      .select((expression) => expression.fn.countAll<number>().as("n"))
      .execute(),
  );
  return row!.n;
}

export function toEvent(row: EventRow): SessionEvent {
  return {
    schema_version: 1,
    id: row.id,
    session_id: row.session_id,
    timestamp: new Date(Math.round(row.ts * 1000)).toISOString(),
    type: row.type as SessionEvent["type"],
    role: row.role as SessionEvent["role"],
    level: row.level as SessionEvent["level"],
    message: row.message,
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Record<string, unknown>),
  };
}

/** Asks with the text as an FTS5 query and, unless that is demanded, with its words where it is none. */
async function withMatch<T>(
  db: Kysely<SessionTables>,
  query: CheckedQuery,
  ask: (match: Match | undefined) => Promise<T>,
): Promise<T> {
  const { search, searchSyntax, sessionId } = query;
  if (search === undefined) return ask(undefined);
  const listKeys = sessionId?.length === 1 && (await isSmall(db, sessionId[0]!));
  const words = { text: quoteWords(search), listKeys };
  if (searchSyntax === "words") return ask(words);
  try {
    return await ask({ text: search, listKeys });
  } catch (cause) {
    // The rest of the statement is ours: a general error can only be about the text.
    if (!(cause instanceof Error) || !("code" in cause) || cause.code !== "SQLITE_ERROR") throw cause;
    if (searchSyntax === undefined) return ask(words);
    throw new LoggingError(
      "LOGGING_SEARCH_INVALID",
      `search: expected an FTS5 query, got ${JSON.stringify(search)}: ${cause.message}`,
      {
        cause,
        help: 'For example: error AND disk, "no space left", time*. To search for words as they are, leave the syntax out.',
      },
    );
  }
}

async function isSmall(db: Kysely<SessionTables>, sessionId: string): Promise<boolean> {
  const session = await db
    .selectFrom("sessions")
    .select("events")
    .where("session_id", "=", sessionId)
    .executeTakeFirst();
  return session !== undefined && session.events <= MAX_LISTED_KEYS;
}

/**
 * Of one session, only the keys between its first and its last are looked at and, where they are few, only those of its events:
 * no row is fetched to see that it belongs to another session.
 */
function matching(db: Kysely<SessionTables>, match: Match, sessionId: readonly string[] | undefined): EventQuery {
  const select = db
    .selectFrom(["session_messages", "session_events"])
    .where(sql<boolean>`session_messages match ${match.text}`)
    .whereRef("event_key", "=", "session_messages.rowid");
  if (sessionId?.length !== 1) return select;
  const [id] = sessionId as [string];
  const key = (name: "first_key" | "last_key") => db.selectFrom("sessions").select(name).where("session_id", "=", id);
  const within = select
    .where("session_messages.rowid", ">=", key("first_key"))
    .where("session_messages.rowid", "<=", key("last_key"));
  if (!match.listKeys) return within;
  const keys = db.selectFrom("session_events as own").select("own.event_key").where("own.session_id", "=", id);
  // The plus keeps SQLite from asking the index once for each key instead of once for all.
  return within.where(sql<boolean>`+session_messages.rowid in ${keys}`);
}

function behind(
  { ts, event_key }: Pick<EventRow, "ts" | "event_key">,
  direction: "asc" | "desc",
  searching: boolean,
): RawBuilder<boolean> {
  const sign = direction === "asc" ? sql`>` : sql`<`;
  return searching
    ? sql<boolean>`session_messages.rowid ${sign} ${event_key}`
    : sql<boolean>`(ts, event_key) ${sign} (${ts}, ${event_key})`;
}

/** LIKE folds the case of ASCII letters only; other needles are compared by `fold`, a function of the connection. */
function containing(needle: string): RawBuilder<boolean> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII.
  if (!/^[\x01-\x7f]*$/.test(needle)) return sql<boolean>`instr(fold(session_events.message), ${fold(needle)}) > 0`;
  return sql<boolean>`session_events.message like ${`%${needle.replace(/[\\%_]/g, "\\$&")}%`} escape '\\'`;
}

export function fold(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
