/** The database as a view: locked, closed, pooled, behind, written by several processes' batches, and in the way of hostile input. */
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  closeSessions,
  fetchMessages,
  logEvent,
  openSessionStore,
  type SessionEvent,
  type SessionNotice,
} from "@codex/logging/sessions";
import { runUntilKilled } from "@codex/storage/testing";
import Database from "better-sqlite3";
import fc from "fast-check";
import { openSessionDatabase } from "../../src/sessions/database/session-database.ts"; // what a pool gives out cannot be seen from outside
import { temporaryFolder } from "../temporary-folder.ts";

afterEach(closeSessions);

function place() {
  const folder = temporaryFolder();
  return { folder, directory: join(folder, "sessions"), database: join(folder, "deep", "session_logs.db") };
}

const messagesOf = (events: readonly SessionEvent[]) => events.map(({ message }) => message);

class ClosingDatabase extends Database {
  [Symbol.dispose](): void {
    this.close();
  }
}

test("a locked database holds no event up, and has all of them once it is free", async () => {
  const target = place();
  await logEvent("s", "user", "before", target);
  await closeSessions();
  const notices: SessionNotice[] = [];
  const told = { ...target, onNotice: (notice: SessionNotice) => notices.push(notice) };
  {
    using other = new ClosingDatabase(target.database);
    other.exec("begin exclusive");
    for (let n = 0; n < 20; n++) await logEvent("s", "user", `locked ${n}`, told);
    expect(messagesOf(await fetchMessages("s", target))).toHaveLength(21);
    await closeSessions(); // does not wait for the lock to go away
    other.exec("rollback");
  }
  expect(notices).toEqual([]); // so short a lock is nothing to tell
  await using store = await openSessionStore(target);
  expect(messagesOf(await store.query())).toEqual(["before", ...Array.from({ length: 20 }, (_, n) => `locked ${n}`)]);
});

test("whoever asks a database that stays locked gets an error of ours, and nothing is half done", async () => {
  const target = place();
  await logEvent("s", "user", "1", target);
  await closeSessions();
  await logEvent("s", "user", "2", { ...target, database: false });
  await closeSessions();
  using other = new ClosingDatabase(target.database);
  other.exec("begin immediate");
  const failed = { code: "LOGGING_DATABASE_FAILED", help: expect.stringContaining("try again") };
  await expect(openSessionStore({ ...target, timeout: 1 })).rejects.toMatchObject(failed);
  await using store = await openSessionStore({ ...target, directory: false, timeout: 1 }); // reading needs no lock
  expect(await store.count()).toBe(1);
  expect(() => store.removeSessions(["s"])).toThrow(expect.objectContaining(failed));
  await expect(store.rebuild(target.directory)).rejects.toMatchObject(failed);
  other.exec("rollback");
  expect(await store.count()).toBe(1);
});

test("a lock that goes away while the process logs: the rows come by themselves", async () => {
  const target = place();
  await logEvent("s", "user", "0", target);
  await closeSessions();
  using other = new ClosingDatabase(target.database);
  other.exec("begin immediate");
  await logEvent("s", "user", "1", target);
  other.exec("rollback");
  const count = other.prepare("select count(*) from session_events").pluck();
  while (count.get() !== 2) await new Promise((resolve) => setTimeout(resolve, 5));
});

test.each([
  ["a text", (path: string) => writeFileSync(path, "these are notes, many notes\n".repeat(100))],
  [
    "the database of another program",
    (path: string) => {
      using other = new ClosingDatabase(path);
      other.exec("create table session_events (ts real, session_id text, role text, message text)");
    },
  ],
])("%s in the place of the database is told once and left alone; events are in the file", async (_, make) => {
  const target = place();
  mkdirSync(join(target.folder, "deep"));
  make(target.database);
  const before = readFileSync(target.database);
  const notices: SessionNotice[] = [];
  const told = { ...target, onNotice: (notice: SessionNotice) => notices.push(notice) };
  for (let n = 0; n < 3; n++) await logEvent("s", "user", `${n}`, told);
  await closeSessions();
  expect(notices).toMatchObject([{ kind: "database", error: { code: "LOGGING_DATABASE_INVALID" } }]);
  expect(readFileSync(target.database)).toEqual(before);
  expect(messagesOf(await fetchMessages("s", { ...target, database: false }))).toEqual(["0", "1", "2"]);
  await expect(openSessionStore(target)).rejects.toMatchObject({ code: "LOGGING_DATABASE_INVALID" });
});

test("a database of a newer version is refused", async () => {
  const target = place();
  await (await openSessionStore(target)).close();
  {
    using database = new ClosingDatabase(target.database);
    database.prepare("insert into kysely_migration values ('9999-later', 'now')").run();
  }
  await expect(openSessionStore(target)).rejects.toMatchObject({
    code: "LOGGING_DATABASE_INVALID",
    message: expect.stringContaining("9999-later"),
    help: expect.stringContaining("newer version"),
  });
});

test("a database that was deleted is made again from the files", async () => {
  const target = place();
  await logEvent("s", "user", "one", target);
  await closeSessions();
  for (const end of ["", "-wal", "-shm"]) rmSync(target.database + end, { force: true });
  await logEvent("s", "user", "two", target);
  await closeSessions();
  await using store = await openSessionStore({ ...target, directory: false });
  expect(messagesOf(await store.query())).toEqual(["one", "two"]);
});

test("CODEX_SQLITE_POOL: one connection for a database, replaced when it is closed", async () => {
  const { database } = place();
  process.env.CODEX_SQLITE_POOL = "1";
  try {
    const [one, two] = await Promise.all([openSessionDatabase(database), openSessionDatabase(database)]);
    expect(two.connection).toBe(one.connection);
    await one.close();
    expect(one.connection.open).toBe(true);
    one.connection.close();
    const three = await openSessionDatabase(database);
    expect([three.connection === one.connection, three.connection.open]).toEqual([false, true]);
    three.connection.close();
  } finally {
    delete process.env.CODEX_SQLITE_POOL;
  }
  const [four, five] = await Promise.all([openSessionDatabase(database), openSessionDatabase(database)]);
  expect(five.connection).not.toBe(four.connection);
  await Promise.all([four.close(), five.close()]);
});

test("logging and asking share a pooled connection", async () => {
  process.env.CODEX_SQLITE_POOL = "yes";
  try {
    const target = place();
    await using store = await openSessionStore(target);
    await logEvent("s", "user", "pooled", target);
    await closeSessions();
    await store.importDirectory(target.directory);
    expect(messagesOf(await store.query({ search: "pooled" }))).toEqual(["pooled"]);
    (await openSessionDatabase(target.database)).connection.close();
  } finally {
    delete process.env.CODEX_SQLITE_POOL;
  }
});

test("full-text index filled in the background: complete before a search is answered", async () => {
  const target = { ...place(), fullText: "background" as const };
  await Promise.all(
    Array.from({ length: 3000 }, (_, n) => logEvent("s", "user", n % 3 === 0 ? "fizz" : "buzz", target)),
  );
  await using store = await openSessionStore({ database: target.database, directory: target.directory });
  expect(await store.count({ search: "fizz" })).toBe(1000);
  await logEvent("s", "user", "fizz", target);
  await closeSessions();
  expect(await store.count({ search: "fizz" })).toBe(1001);
});

test("two writers in two processes on one session: every event is there once, in file and database", async () => {
  const { directory, database } = place();
  const child = [
    "--conditions=@codex/source",
    "--import",
    fileURLToPath(new URL("../../../../tools/jest/register-typescript.mjs", import.meta.url)),
    fileURLToPath(new URL("./shared-session.child.ts", import.meta.url)),
  ];
  const runs = await Promise.all(
    ["a", "b", "c"].map((name) => runUntilKilled({ args: [...child, directory, database, name] })),
  );
  expect(runs.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(Array(3).fill([0, ""]));
  await using store = await openSessionStore({ directory, database });
  const events = await store.query({ sessionId: "shared", type: "event" });
  expect(messagesOf(events).sort()).toEqual(
    ["a", "b", "c"].flatMap((name) => Array.from({ length: 300 }, (_, n) => `${name} ${n}`)).sort(),
  );
  for (const name of ["a", "b", "c"]) {
    const own = messagesOf(await fetchMessages("shared", { directory, database })).filter((text) =>
      text.startsWith(name),
    );
    expect(own).toEqual(Array.from({ length: 300 }, (_, n) => `${name} ${n}`)); // in the order of the calls
  }
  expect(await store.importFile(join(directory, "shared.ndjson"))).toMatchObject({ added: 0, malformed: [] });
}, 60_000);

const asRoot = process.getuid?.() === 0;
// A read-only folder does not hold root up; the fault harness (session-logger.test.ts) does for every account.
(asRoot ? test.skip : test)("a read-only folder: told once, and complete when it can be written", async () => {
  const target = place();
  mkdirSync(target.directory, { mode: 0o555 });
  const notices: SessionNotice[] = [];
  const told = { ...target, database: false, onNotice: (notice: SessionNotice) => notices.push(notice) } as const;
  await expect(logEvent("s", "user", "1", told)).rejects.toMatchObject({ code: "LOGGING_DEFERRED" });
  chmodSync(target.directory, 0o755);
  await closeSessions();
  expect(notices.map(({ kind }) => kind)).toEqual(["deferred", "resumed"]);
  expect(messagesOf(await fetchMessages("s", told))).toEqual(["1"]);
});

/** Texts that have broken other loggers, by what they try. */
const HOSTILE = {
  "a quote that ends the statement": "x'; drop table session_events; --",
  "double quotes": 'x"; delete from session_events; --" union select 1',
  "a placeholder": "? ?1 :name @name $name",
  "wildcards of LIKE": "%_\\%\\_",
  "an FTS5 column filter": "message: x OR rowid: 1",
  "an FTS5 command": "integrity-check",
  "an FTS5 special query": "*reads",
  "FTS5 operators alone": "AND OR NOT NEAR",
  "an unfinished phrase": '"unfinished',
  "an unfinished NEAR": "NEAR(a b, ",
  "many brackets": "(".repeat(2000),
  "many quotes": '"'.repeat(1001),
  "a NUL": "a\0b",
  "line ends of all kinds": "a\nb\r\nc\u2028d\u2029e\u0085f",
  "half a surrogate pair": "\ud800 \udfff",
  "a byte order mark": "\ufeffx",
  "right-to-left marks": "\u202eevil\u202c",
  "terminal commands": "\u001b[2J\u001b]0;title\u0007",
  "a line of a session file": '{"schema_version":1,"id":"x","session_id":"y"}\n{"torn',
  "a prototype": "__proto__",
  nothing: "",
} as const;

describe("hostile texts", () => {
  test.each(Object.entries(HOSTILE))("%s: as message, metadata, needle and search", async (_, text) => {
    const target = place();
    const metadata = JSON.parse(
      `{"__proto__": {"polluted": true}, ${JSON.stringify(text)}: ${JSON.stringify([text])}}`,
    );
    await logEvent("s", "user", text, { ...target, metadata });
    await logEvent("s", "user", "other", target);
    await closeSessions();
    const written = await fetchMessages("s", target);
    await using store = await openSessionStore(target);
    expect(await store.query()).toEqual(written);
    expect(written[0]!.message).toBe(text.replace(/\p{Surrogate}/gu, "\ufffd"));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    if (text !== "") {
      expect(messagesOf(await store.query({ contains: written[0]!.message }))).toContain(written[0]!.message);
      expect(Array.isArray(await store.query({ search: text }))).toBe(true);
      expect(Array.isArray(await store.query({ search: text, searchSyntax: "words" }))).toBe(true);
      await store.query({ search: text, searchSyntax: "fts5" }).catch((error) => {
        expect(error).toMatchObject({ code: "LOGGING_SEARCH_INVALID" });
      });
    }
    expect(await store.query({ sessionId: text })).toEqual([]);
    for (const query of [{ role: text }, { level: text }, { order: text }, { since: text }, { type: text }]) {
      await expect(store.query(query as never)).rejects.toMatchObject({ code: expect.stringMatching(/^LOGGING_/) });
    }
    expect(await store.count()).toBe(2);
  });

  test.each([
    ...[
      "",
      ".",
      "..",
      "../x",
      "a/b",
      "a\\b",
      "/etc/passwd",
      ".hidden",
      "-rf",
      "a b",
      "a\0b",
      "a\nb",
      "CON",
      "nul.ndjson",
      "com1",
    ],
    ...[
      "x".repeat(129),
      "\u00e4",
      "\ud83d\ude00",
      "a:b",
      "a*",
      "x.",
      "__proto__/..",
      "%2e%2e",
      "$(id)",
      "`id`",
      "a;b",
      "'",
    ],
  ])("session id %j is refused, and nothing is written", async (id) => {
    const target = place();
    const call = async () => logEvent(id, "user", "x", target);
    await expect(call()).rejects.toMatchObject({ code: "LOGGING_SESSION_ID_INVALID" });
    await expect(fetchMessages(id, target)).rejects.toMatchObject({ code: "LOGGING_SESSION_ID_INVALID" });
    expect(() => readFileSync(target.directory)).toThrow("ENOENT");
  });

  test("whatever is logged comes back the same from file and database, and whatever is searched is an answer or an error of ours", async () => {
    const target = place();
    await using store = await openSessionStore(target);
    const text = fc.string({
      unit: fc.oneof(
        fc.string({ unit: "binary", maxLength: 3 }),
        fc.constantFrom('"', "'", "*", "(", "^", ":", "-", "+", "\0", "\n", "{", "NEAR", "AND"),
      ),
    });
    const keys = fc.dictionary(fc.string(), fc.jsonValue());
    let n = 0;
    await fc.assert(
      fc.asyncProperty(text, keys, async (message, metadata) => {
        const sessionId = `s${n++}`;
        await logEvent(sessionId, "user", message, { ...target, metadata });
        const written = await fetchMessages(sessionId, target);
        await store.importDirectory(target.directory);
        expect(await store.query({ sessionId })).toEqual(written);
        if (message.trim() === "") return;
        for (const searchSyntax of ["fts5", "words"] as const) {
          await store.query({ search: message, searchSyntax }).catch((error) => {
            expect(error).toMatchObject({ name: "LoggingError", code: "LOGGING_SEARCH_INVALID" });
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  test("any bytes in a session file: every line is an event, blank or told, and nothing else happens", async () => {
    const target = place();
    mkdirSync(target.directory);
    let n = 0;
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.json().map((json) => Buffer.from(json)),
      fc
        .record({ ts: fc.jsonValue(), message: fc.jsonValue(), role: fc.jsonValue(), id: fc.jsonValue() })
        .map((record) => Buffer.from(JSON.stringify(record))),
    );
    await using store = await openSessionStore({ ...target, directory: false });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (pieces) => {
        const path = join(target.directory, `f${n++}.ndjson`);
        for (const piece of pieces) appendFileSync(path, Buffer.concat([piece, Buffer.from("\n")]));
        if (pieces.length === 0) return;
        const { added, malformed } = await store.importFile(path);
        const lines = readFileSync(path).toString("latin1").split("\n").slice(0, -1);
        const blank = lines.filter((text) => Buffer.from(text, "latin1").toString().trim() === "").length;
        expect(added + malformed.length + blank).toBeLessThanOrEqual(lines.length);
        expect(await store.importFile(path)).toMatchObject({ added: 0, malformed });
      }),
      { numRuns: 60 },
    );
  });
});
