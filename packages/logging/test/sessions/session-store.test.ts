import { appendFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeSessions, logEvent, openSessionStore, type SessionEvent, withSession } from "@codex/logging/sessions";
import Database from "better-sqlite3";
import { temporaryFolder } from "../temporary-folder.ts";

afterEach(closeSessions);

function place() {
  const folder = temporaryFolder();
  const directory = join(folder, "sessions");
  mkdirSync(directory);
  return {
    directory,
    database: join(folder, "session_logs.db"),
    file: (id: string) => join(directory, `${id}.ndjson`),
  };
}

/** A session file with one event a second from 2026-11-21T00:00:00Z. */
function writeSession(path: string, sessionId: string, events: Partial<SessionEvent>[], from = Date.UTC(2026, 10, 21)) {
  const lines = events.map((event, n) =>
    JSON.stringify({
      schema_version: 1,
      id: `${sessionId}-w-${n}`,
      session_id: sessionId,
      timestamp: new Date(from + n * 1000).toISOString(),
      type: "event",
      role: "user",
      level: "info",
      message: `message ${n}`,
      metadata: null,
      ...event,
    }),
  );
  writeFileSync(path, `${lines.join("\n")}\n`);
}

const messagesOf = (events: readonly SessionEvent[]) => events.map(({ message }) => message);

describe("queries", () => {
  async function store() {
    const { directory, database, file } = place();
    writeSession(file("a"), "a", [
      { message: "Disk is full", level: "error", role: "tool" },
      { message: "retrying 100%_done" },
      { message: "\u00c4rger mit dem PLATZ", role: "assistant" },
      { message: "all well", level: "warning" },
    ]);
    writeSession(
      file("b"),
      "b",
      [{ message: "disk again" }, { message: "the end", type: "session_end" }],
      Date.UTC(2026, 10, 22),
    );
    return openSessionStore({ directory, database });
  }

  test.each<[Parameters<Awaited<ReturnType<typeof store>>["query"]>[0], string[]]>([
    [{ sessionId: "a", limit: 2 }, ["Disk is full", "retrying 100%_done"]],
    [{ sessionId: "a", limit: 2, offset: 1 }, ["retrying 100%_done", "\u00c4rger mit dem PLATZ"]],
    [{ sessionId: "a", order: "desc", limit: 1 }, ["all well"]],
    [{ sessionId: "a", tail: 2 }, ["\u00c4rger mit dem PLATZ", "all well"]],
    [{ sessionId: "a", tail: 2, order: "desc" }, ["all well", "\u00c4rger mit dem PLATZ"]],
    [{ sessionId: "a", tail: 0 }, []],
    [{ sessionId: ["b", "none"] }, ["disk again", "the end"]],
    [{ sessionId: "none" }, []],
    [{ sessionId: [] }, []],
    [{ role: ["tool", "assistant"] }, ["Disk is full", "\u00c4rger mit dem PLATZ"]],
    [{ level: ["error", "warning"] }, ["Disk is full", "all well"]],
    [{ type: "session_end" }, ["the end"]],
    [{ contains: "DISK" }, ["Disk is full", "disk again"]],
    [{ contains: "100%_D" }, ["retrying 100%_done"]],
    [{ contains: "0__d" }, []],
    [{ contains: "\u00e4RGER" }, ["\u00c4rger mit dem PLATZ"]],
    [{ since: "2026-11-22" }, ["disk again", "the end"]],
    [{ until: "2026-11-21" }, ["Disk is full", "retrying 100%_done", "\u00c4rger mit dem PLATZ", "all well"]],
    [
      { since: "2026-11-21T00:00:01Z", until: new Date("2026-11-21T00:00:02Z") },
      ["retrying 100%_done", "\u00c4rger mit dem PLATZ"],
    ],
    [{ since: "2026-11-21T05:30:03+05:30", until: "2026-11-21 00:00:03" }, ["all well"]],
    [{ search: "disk" }, ["Disk is full", "disk again"]],
    [{ search: "disk", order: "desc", limit: 1 }, ["disk again"]],
    [{ search: "disk", sessionId: "a" }, ["Disk is full"]],
    [{ search: "disk", sessionId: "b", since: "2026-11-23" }, []],
    [{ search: "disk NOT again" }, ["Disk is full"]],
    [{ search: "arger" }, ["\u00c4rger mit dem PLATZ"]],
    [{ search: '"is full"' }, ["Disk is full"]],
    [{ search: "retry*" }, ["retrying 100%_done"]],
    [{ search: "100%_done" }, ["retrying 100%_done"]],
    [{ search: "disk AND" }, []],
    [{ search: "disk AND", searchSyntax: "words" }, []],
    [{ search: "(disk", searchSyntax: "words" }, ["Disk is full", "disk again"]],
  ])("%j", async (query, expected) => {
    await using open = await store();
    expect(messagesOf(await open.query(query))).toEqual(expected);
    const { limit, offset, tail, ...rest } = query as { limit?: number; offset?: number; tail?: number };
    if (limit === undefined && offset === undefined && tail === undefined) {
      expect(await open.count(rest)).toBe(expected.length);
      const streamed: SessionEvent[] = [];
      for await (const event of open.stream(rest)) streamed.push(event);
      expect(messagesOf(streamed)).toEqual(expected);
    }
  });

  test.each([
    [{ search: "disk AND", searchSyntax: "fts5" }, "LOGGING_SEARCH_INVALID"],
    [{ search: "nosuchcolumn: x", searchSyntax: "fts5" }, "LOGGING_SEARCH_INVALID"],
    [{ search: "" }, "LOGGING_SEARCH_INVALID"],
    [{ search: "x".repeat(5000) }, "LOGGING_SEARCH_INVALID"],
    [{ limit: -1 }, "LOGGING_QUERY_INVALID"],
    [{ limit: 1.5 }, "LOGGING_QUERY_INVALID"],
    [{ tail: 1, limit: 1 }, "LOGGING_QUERY_INVALID"],
    [{ order: "up" }, "LOGGING_QUERY_INVALID"],
    [{ type: "x" }, "LOGGING_QUERY_INVALID"],
    [{ role: "x" }, "LOGGING_EVENT_INVALID"],
    [{ level: "x" }, "LOGGING_EVENT_INVALID"],
    [{ since: "yesterday" }, "LOGGING_TIME_INVALID"],
    [{ since: new Date(Number.NaN) }, "LOGGING_TIME_INVALID"],
  ])("refused: %j", async (query, code) => {
    await using open = await store();
    await expect(open.query(query as never)).rejects.toMatchObject({ code });
  });

  test("sessions, the newest first", async () => {
    await using open = await store();
    expect((await open.sessions()).map(({ sessionId, events }) => [sessionId, events])).toEqual([
      ["b", 2],
      ["a", 4],
    ]);
    expect((await open.sessions({ until: "2026-11-21" })).map(({ sessionId }) => sessionId)).toEqual(["a"]);
    expect((await open.sessions({ since: "2026-11-22", order: "asc" })).map(({ sessionId }) => sessionId)).toEqual([
      "b",
    ]);
    expect((await open.sessions({ limit: 1, offset: 1 })).map(({ sessionId }) => sessionId)).toEqual(["a"]);
  });
});

test("a stream gives every event once, also where many have the same time, in both orders, from an offset up to a limit", async () => {
  const { directory, database, file } = place();
  const same = { timestamp: "2026-11-21T00:00:00.000Z" };
  writeSession(
    file("a"),
    "a",
    Array.from({ length: 1203 }, (_, n) => (n % 3 === 0 ? same : {})),
  );
  await using store = await openSessionStore({ directory, database });
  const streamed = async (query: Parameters<typeof store.stream>[0]) => {
    const ids: string[] = [];
    for await (const event of store.stream(query)) ids.push(event.id);
    return ids;
  };
  for (const query of [{}, { order: "desc" }, { search: "message" }, { search: "message", order: "desc" }] as const) {
    const all = (await store.query(query)).map(({ id }) => id);
    expect(new Set(all).size).toBe(1203);
    expect(await streamed(query)).toEqual(all);
    expect(await streamed({ ...query, offset: 7, limit: 600 })).toEqual(all.slice(7, 607));
  }
});

describe("import", () => {
  test("a second one adds nothing, a third what was appended", async () => {
    const { directory, database, file } = place();
    writeSession(file("a"), "a", [{}, {}]);
    await using store = await openSessionStore({ directory: false, database });
    expect(await store.importDirectory(directory)).toMatchObject([{ sessionId: "a", added: 2, malformed: [] }]);
    expect(await store.importDirectory(directory)).toEqual([]);
    expect(await store.importFile(file("a"))).toMatchObject({ added: 0 });
    await logEvent("a", "user", "more", { directory, database: false });
    expect(await store.importDirectory(directory)).toMatchObject([{ added: 1, reread: false }]);
    expect(messagesOf(await store.query())).toEqual(["message 0", "message 1", "more"]);
  });

  test("lines that are no events are told by number, each time; the others are in", async () => {
    const { database, file } = place();
    writeSession(file("a"), "a", [{}]);
    const broken = ["", '{"torn": ', "[1]", "  ", "null", '{"ts": "soon", "message": "x"}', '{"message": "no time"}'];
    appendFileSync(file("a"), Buffer.concat([Buffer.from(`${broken.join("\n")}\n`), Buffer.from([0xff, 10])]));
    appendFileSync(file("a"), '{"ts": 1763683200.25, "msg": "foreign", "severity": "WARN", "x": 1}\n{"unfinished": 1}');
    await using store = await openSessionStore({ directory: false, database });
    const malformed = [
      { line: 3, reason: "not JSON" },
      { line: 4, reason: "not an object" },
      { line: 6, reason: "not an object" },
      { line: 7, reason: "no time, or one that is not understood" },
      { line: 8, reason: "no time, or one that is not understood" },
      { line: 9, reason: "not UTF-8, or longer than 64 MiB" },
    ];
    expect(await store.importFile(file("a"))).toMatchObject({ added: 2, malformed });
    expect(await store.importFile(file("a"))).toMatchObject({ added: 0, malformed });
    expect((await store.query({ level: "warning" }))[0]).toEqual({
      schema_version: 1,
      id: "line-10",
      session_id: "a",
      timestamp: "2025-11-21T00:00:00.250Z",
      type: "event",
      role: "system",
      level: "warning",
      message: "foreign",
      metadata: { x: 1 },
    });
  });

  test("a file that was rewritten or cut is read anew", async () => {
    const { directory, database, file } = place();
    writeSession(file("a"), "a", [{ message: "one" }, { message: "two" }, { message: "three" }]);
    writeSession(file("other"), "other", [{ message: "one here" }]);
    await using store = await openSessionStore({ directory, database });
    await store.query({ search: "three" });
    truncateSync(file("a"), readFileSync(file("a")).indexOf("\n") + 1);
    expect(await store.importDirectory(directory)).toMatchObject([{ sessionId: "a", added: 1, reread: true }]);
    expect(messagesOf(await store.query({ sessionId: "a" }))).toEqual(["one"]);
    expect(await store.query({ search: "three" })).toEqual([]);
    writeSession(file("a"), "a", [
      { message: "four", id: "x" },
      { message: "five", id: "y" },
    ]);
    expect(await store.importDirectory(directory)).toMatchObject([{ added: 2, reread: true }]);
    expect(messagesOf(await store.query({ search: "one OR four OR five" })).sort()).toEqual([
      "five",
      "four",
      "one here",
    ]);
    const check = new Database(database, { readonly: true });
    expect(check.pragma("integrity_check", { simple: true })).toBe("ok");
    check.close();
  });

  test("rebuild gives the same rows", async () => {
    const { directory, database } = place();
    for (const sessionId of ["a", "b"]) {
      await withSession((session) => session.logEvent("user", `hello ${sessionId}`), {
        sessionId,
        directory,
        database,
      });
    }
    await using store = await openSessionStore({ directory, database });
    const before = await store.query();
    expect((await store.rebuild(directory)).map(({ added }) => added)).toEqual([3, 3]);
    expect(await store.query()).toEqual(before);
    expect(messagesOf(await store.query({ search: "hello" }))).toEqual(["hello a", "hello b"]);
    expect(store.removeSessions(["a", "none"])).toBe(3);
    expect(messagesOf(await store.query({ search: "hello" }))).toEqual(["hello b"]);
    expect(await store.importDirectory(directory)).toMatchObject([{ sessionId: "a", added: 3 }]);
    expect(await store.query({ sessionId: "a" })).toEqual(before.filter(({ session_id }) => session_id === "a"));
  });

  test("secrets of other programs' lines do not get into the database", async () => {
    const { directory, database, file } = place();
    writeFileSync(
      file("a"),
      `${JSON.stringify({ ts: 1, message: "key sk-ant-api03-abcdefghijklmnopqrstuv", password: "x" })}\n`,
    );
    await using store = await openSessionStore({ directory, database });
    expect(await store.query()).toMatchObject([
      { message: "key [REDACTED:anthropic-key]", metadata: { password: "[REDACTED]" } },
    ]);
  });
});
