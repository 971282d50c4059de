import { Kysely, SqliteDialect } from "kysely";
import { FIELD_NAMES, parseSessionFields } from "../parse-line.ts";
import type { SessionEvent } from "../session-event.ts";
import { type CheckedQuery, checkQuery, type SessionQuery } from "../session-query.ts";
import { detectEventTable, type EventTable } from "./detect-schema.ts";
import { openReadOnly, type ReadOnlyDatabase } from "./open-read-only.ts";

export interface OpenForeignOptions {
  /** Default: the table that looks most like one of session events. */
  readonly table?: string;
}

/** The session of rows that name none. */
const NO_SESSION = "unknown";

/**
 * Session events in a database of another program, which is only read. Columns are found by their names; rows that are no events are counted and left out. What is
 * asked is looked for row by row, because times of other programs are numbers here and texts there.
 */
export class ForeignDatabase implements AsyncDisposable {
  readonly path: string;
  readonly table: EventTable;
  /** Rows of the last question that are no events. */
  malformed = 0;
  readonly #connection: ReadOnlyDatabase;

  private constructor(path: string, table: EventTable, connection: ReadOnlyDatabase) {
    this.path = path;
    this.table = table;
    this.#connection = connection;
  }

  /**
   * The caller closes it, or uses `await using`.
   * @throws {LoggingError} `LOGGING_DATABASE_INVALID`, `LOGGING_TABLE_INVALID`, `LOGGING_SQLITE_UNSUITABLE`
   */
  static async open(path: string, { table }: OpenForeignOptions = {}): Promise<ForeignDatabase> {
    const connection = await openReadOnly(path);
    try {
      return new ForeignDatabase(path, detectEventTable(connection.database, path, table), connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** As `SessionStore.query`; a full-text search looks for its words. @throws {LoggingError} as there */
  query(query: SessionQuery = {}): SessionEvent[] {
    const checked = checkQuery(query);
    const matches = matcher(checked);
    const found = [...this.#events(checked.sessionId)].filter(matches);
    // Stable: events of one moment stay as they were written.
    found.sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0));
    if (checked.order === "desc") found.reverse();
    if (checked.tail !== undefined) return lastOf(found, checked.tail, checked.order);
    return found.slice(checked.offset, checked.limit === undefined ? undefined : checked.offset + checked.limit);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  *#events(sessionIds: readonly string[] | undefined): Generator<SessionEvent> {
    this.malformed = 0;
    const { name, columns } = this.table;
    // Only compiled here: kysely quotes the names, and the statement runs on the connection that only reads.
    const compiler = new Kysely<Record<string, Record<string, unknown>>>({
      dialect: new SqliteDialect({ database: this.#connection.database }),
    });
    let select = compiler.selectFrom(name).selectAll();
    if (sessionIds !== undefined && columns.session !== undefined)
      select = select.where(columns.session, "in", sessionIds);
    const { sql, parameters } = select.compile();
    let number = 0;
    for (const row of this.#connection.database.prepare(sql).iterate(...parameters)) {
      number++;
      const fields = plain(row as Record<string, unknown>);
      const session = columns.session === undefined ? null : fields[columns.session.toLowerCase()];
      const sessionId = session === null || session === undefined ? NO_SESSION : String(session);
      if (sessionIds !== undefined && !sessionIds.includes(sessionId)) continue;
      const parsed = parseSessionFields(fields, sessionId, number);
      if (parsed !== "blank" && "event" in parsed) yield parsed.event;
      else this.malformed++;
    }
  }
}

function matcher(query: CheckedQuery): (event: SessionEvent) => boolean {
  const fold = (text: string) => text.toLocaleLowerCase("en");
  const contains = query.contains === undefined ? undefined : fold(query.contains);
  const words = query.search === undefined ? [] : (fold(query.search).match(/[\p{L}\p{N}]+/gu) ?? []);
  return (event) => {
    if (query.role !== undefined && !query.role.includes(event.role)) return false;
    if (query.level !== undefined && !query.level.includes(event.level)) return false;
    if (query.type !== undefined && !query.type.includes(event.type)) return false;
    const seconds = Date.parse(event.timestamp) / 1000;
    if (query.since !== undefined && seconds < query.since) return false;
    if (query.until !== undefined && seconds > query.until) return false;
    const message = fold(event.message);
    if (contains !== undefined && !message.includes(contains)) return false;
    return words.every((word) => message.includes(word));
  };
}

function lastOf(events: readonly SessionEvent[], count: number, order: "asc" | "desc"): SessionEvent[] {
  return order === "asc" ? events.slice(Math.max(0, events.length - count)) : events.slice(0, count);
}

/** Names without regard to case, bytes as their text, and metadata, which databases hold as JSON, as what it says. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, stored]) => {
      const name = column.toLowerCase();
      const value = stored instanceof Uint8Array ? Buffer.from(stored).toString("utf8") : stored;
      const isMetadata = (FIELD_NAMES.metadata as readonly string[]).includes(name);
      return [name, isMetadata && typeof value === "string" ? parseObject(value) : value];
    }),
  );
}

/** The object that a text is in JSON; otherwise the text. */
function parseObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : { value };
  } catch {
    return { value: text };
  }
}
