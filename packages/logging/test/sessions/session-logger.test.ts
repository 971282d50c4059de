import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  closeSessions,
  fetchMessages,
  getSessionId,
  logEvent,
  logMessage,
  openSessionStore,
  SessionLogger,
  type SessionNotice,
  withSession,
} from "@codex/logging/sessions";
import { interceptAppendFs, MemoryFs, runUntilKilled } from "@codex/storage/testing";
import { temporaryFolder } from "../temporary-folder.ts";

afterEach(closeSessions);

function place() {
  const folder = temporaryFolder();
  const directory = join(folder, "sessions");
  return {
    folder,
    directory,
    database: join(folder, "session_logs.db"),
    file: (id: string) => join(directory, `${id}.ndjson`),
  };
}

function lines(path: string): Record<string, unknown>[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const child = [
  "--conditions=@codex/source",
  "--import",
  fileURLToPath(new URL("../../../../tools/jest/register-typescript.mjs", import.meta.url)),
  fileURLToPath(new URL("./session.child.ts", import.meta.url)),
];

test("a session: start, events, end; the same in the file and in the database", async () => {
  const { directory, database, file } = place();
  const result = await withSession(
    async (session) => {
      await session.logEvent("user", "What is the loss?", { metadata: { turn: 1 } });
      await session.logEvent("assistant", "1.5", { level: "debug" });
      return 7;
    },
    { sessionId: "s-1", directory, database, argv: ["node", "x.js", "--api-key", "abc"] },
  );
  expect(result).toBe(7);
  const written = lines(file("s-1"));
  expect(written).toMatchObject([
    { schema_version: 1, session_id: "s-1", type: "session_start", role: "system", level: "info" },
    { type: "event", role: "user", message: "What is the loss?", level: "info", metadata: { turn: 1 } },
    { type: "event", role: "assistant", message: "1.5", level: "debug", metadata: null },
    { type: "session_end", metadata: { outcome: "completed", exit_code: 0, duration_s: expect.any(Number) } },
  ]);
  expect(written[0]!.metadata).toMatchObject({ argv: ["node", "x.js", "--api-key", "[REDACTED]"], cwd: process.cwd() });
  expect(Object.keys(written[0]!)).toEqual([
    ...["schema_version", "id", "session_id", "timestamp", "type", "role", "level", "message", "metadata"],
  ]);
  await using store = await openSessionStore({ database, directory });
  expect(await store.query({ sessionId: "s-1" })).toEqual(written);
  expect(await store.sessions()).toEqual([
    {
      sessionId: "s-1",
      directory,
      events: 4,
      malformed: 0,
      firstAt: written[0]!.timestamp,
      lastAt: written[3]!.timestamp,
      end: { exitCode: 0, durationS: expect.any(Number), outcome: "completed" },
    },
  ]);
});

test("the live rows are there before anybody imports, and importing adds nothing", async () => {
  const { directory, database } = place();
  await withSession((session) => session.logEvent("user", "hello"), { sessionId: "live", directory, database });
  await using store = await openSessionStore({ database, directory: false });
  expect((await store.query()).map(({ type }) => type)).toEqual(["session_start", "event", "session_end"]);
  expect(await store.importFile(join(directory, "live.ndjson"))).toMatchObject({
    added: 0,
    reread: false,
    malformed: [],
  });
});

test("an error is thrown on, and the end record says so", async () => {
  const { directory, file } = place();
  const work = withSession(
    () => {
      throw new TypeError("no password=hunter2x here");
    },
    { sessionId: "s-2", directory, database: false },
  );
  await expect(work).rejects.toThrow(TypeError);
  expect(lines(file("s-2")).at(-1)).toMatchObject({
    level: "error",
    metadata: {
      outcome: "failed",
      exit_code: 1,
      error: { name: "TypeError", message: "no password=[REDACTED:assigned-secret] here" },
    },
  });
});

test("using and await using end a session after their block", async () => {
  const { directory, file } = place();
  {
    using session = new SessionLogger({ sessionId: "a", directory, database: false });
    void session.logEvent("user", "not waited for");
  }
  {
    await using session = new SessionLogger({ sessionId: "b", directory, database: false });
    void session.logEvent("user", "not waited for");
  }
  expect(lines(file("b")).map(({ message }) => message)).toEqual(["session_start", "not waited for"]);
  expect((await fetchMessages("a", { directory, database: false })).map(({ message }) => message)).toEqual([
    "not waited for",
  ]);
  for (const id of ["a", "b"])
    expect(lines(file(id)).at(-1)).toMatchObject({ type: "session_end", metadata: { exit_code: 0 } });
});

test("after its end a session takes nothing", async () => {
  const { directory } = place();
  const session = new SessionLogger({ sessionId: "a", directory, database: false });
  await session.end({ exitCode: 3 });
  await session.end({ exitCode: 4 });
  await expect(session.logEvent("user", "late")).rejects.toMatchObject({ code: "LOGGING_CLOSED" });
  const [, end, ...rest] = lines(session.path);
  expect([end?.metadata, rest]).toMatchObject([{ exit_code: 3, outcome: "failed" }, []]);
});

test("logEvent and logMessage write without start and end, in the order of the calls", async () => {
  const { directory, database, file } = place();
  const target = { directory, database };
  await Promise.all([
    logEvent("s", "user", "one", { ...target, level: "warning", metadata: { token: "hunter2" } }),
    logMessage("s", "assistant", { any: "thing" }, target),
    logEvent("s", "tool", 42, target),
    logEvent("s", "tool", new RangeError("too far"), target),
    logEvent("s", "tool", "half \ud83d and \ud83d\ude00 and \0", target),
  ]);
  const messages = await fetchMessages("s", target);
  expect(messages.map(({ message }) => message)).toEqual([
    ...["one", '{"any":"thing"}', "42", "RangeError: too far", "half \ufffd and \ud83d\ude00 and \0"],
  ]);
  expect(lines(file("s"))[0]).toMatchObject({ level: "warning", metadata: { token: "[REDACTED]" } });
  await closeSessions();
  await using store = await openSessionStore(target);
  expect(await store.query({ sessionId: "s" })).toEqual(messages);
  rmSync(file("s"));
  expect(await fetchMessages("s", target)).toEqual(messages); // the database has it still
});

test.each([
  [
    () => logEvent("s", "developer" as never, "x"),
    "LOGGING_EVENT_INVALID",
    'role: expected one of system, user, assistant, tool, got "developer"',
  ],
  [() => logEvent("s", "user", "x", { level: "loud" as never }), "LOGGING_EVENT_INVALID", "level: expected one of"],
  [() => logEvent("s", "user", "x".repeat(17e6)), "LOGGING_EVENT_INVALID", "expected at most"],
])("refused: %#", async (call, code, message) => {
  const { directory } = place();
  process.env.CODEX_SESSION_LOG_DIR = directory;
  process.env.CODEX_LOG_DB_PATH = join(directory, "x.db");
  try {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  } finally {
    await closeSessions();
    delete process.env.CODEX_SESSION_LOG_DIR;
    delete process.env.CODEX_LOG_DB_PATH;
  }
});

test("a session id is taken from the environment, or made and put there", () => {
  const before = process.env.CODEX_SESSION_ID;
  try {
    process.env.CODEX_SESSION_ID = "given";
    expect(getSessionId()).toBe("given");
    delete process.env.CODEX_SESSION_ID;
    const made = getSessionId();
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect([process.env.CODEX_SESSION_ID, getSessionId()]).toEqual([made, made]);
    process.env.CODEX_SESSION_ID = "../evil";
    expect(getSessionId).toThrow(expect.objectContaining({ code: "LOGGING_SESSION_ID_INVALID" }));
  } finally {
    if (before === undefined) delete process.env.CODEX_SESSION_ID;
    else process.env.CODEX_SESSION_ID = before;
  }
});

describe("a disk that refuses", () => {
  test.each(["ENOSPC", "EROFS", "EACCES", "EIO"])(
    "%s: told once, calls say that it waits, and everything is there in the end",
    async (errno) => {
      const memory = new MemoryFs();
      let refusing = false;
      const fs = interceptAppendFs(memory, ({ operation }) =>
        refusing && (operation === "append" || operation === "fsync") ? { error: errno } : undefined,
      );
      const notices: SessionNotice[] = [];
      const target = {
        directory: "/sessions",
        database: false,
        fs,
        onNotice: (notice: SessionNotice) => notices.push(notice),
      } as const;
      await logEvent("s", "user", "before", target);
      refusing = true;
      for (const text of ["one", "two", "three"]) {
        await expect(logEvent("s", "user", text, target)).rejects.toMatchObject({ code: "LOGGING_DEFERRED" });
      }
      expect(notices.map(({ kind }) => kind)).toEqual(["deferred"]);
      expect(notices[0]!.message).toContain(errno);
      refusing = false;
      await closeSessions();
      expect(notices.map(({ kind }) => kind)).toEqual(["deferred", "resumed"]);
      const file = await memory.open("/sessions/s.ndjson", "r");
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      const messages = Buffer.from(bytes)
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).message);
      expect(messages).toEqual(["before", "one", "two", "three"]);
    },
  );

  test("it is tried again by itself", async () => {
    let refusals = 3;
    const fs = interceptAppendFs(new MemoryFs(), ({ operation }) =>
      operation === "append" && refusals-- > 0 ? { error: "ENOSPC" } : undefined,
    );
    const resumed = new Promise<void>((resolve) => {
      const onNotice = ({ kind }: SessionNotice) => kind === "resumed" && resolve();
      void logEvent("s", "user", "x", { directory: "/s", database: false, fs, onNotice });
    });
    const alive = setInterval(() => {}, 1000); // waiting keeps no process alive
    await resumed;
    clearInterval(alive);
  });

  test("what is beyond the bound is lost, and said so in the file", async () => {
    const memory = new MemoryFs();
    let refusing = true;
    const fs = interceptAppendFs(memory, ({ operation }) =>
      refusing && operation === "append" ? { error: "ENOSPC" } : undefined,
    );
    const target = { directory: "/s", database: false, fs, maxWaiting: 1000, onNotice: () => {} } as const;
    const results = await Promise.allSettled(
      Array.from({ length: 2 }, (_, n) => logEvent("s", "user", `${n}`, target)),
    );
    expect(results.map((result) => (result.status === "rejected" ? result.reason.code : ""))).toEqual(
      Array(2).fill("LOGGING_DEFERRED"),
    );
    const codes = new Set<string>();
    for (let n = 2; n < 20; n++) await logEvent("s", "user", `${n}`, target).catch((error) => codes.add(error.code));
    expect(codes).toEqual(new Set(["LOGGING_DEFERRED", "LOGGING_EVENT_LOST"]));
    refusing = false;
    await closeSessions();
    const file = await memory.open("/s/s.ndjson", "r");
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    const found = Buffer.from(bytes)
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(found.at(-1)).toMatchObject({
      level: "error",
      message: `${20 - (found.length - 1)} events were lost while the disk refused them`,
    });
  });
});

test("a clock that goes back: told once, and every event is there in the order of the calls", async () => {
  const { directory, file } = place();
  const times = [10_000, 9_500, 20_000, 5_000, 6_000, 4_000].map((seconds) => Date.UTC(2026, 10, 21) + seconds);
  const notices: SessionNotice[] = [];
  const target = {
    directory,
    database: false,
    now: () => times.shift()!,
    onNotice: (notice: SessionNotice) => notices.push(notice),
  } as const;
  for (let n = 0; n < 6; n++) await logEvent("s", "user", `${n}`, target);
  expect(lines(file("s")).map(({ message, timestamp }) => `${message} ${(timestamp as string).slice(17, 23)}`)).toEqual(
    [...["0 10.000", "1 10.000", "2 20.000", "3 05.000", "4 06.000", "5 04.000"]],
  );
  expect(notices).toMatchObject([{ kind: "clock", message: expect.stringContaining("went back by 15.0 s") }]);
});

test("importing does nothing: no variable, no handler", async () => {
  const run = await runUntilKilled({
    args: [...child.slice(0, 3), fileURLToPath(new URL("./import.child.ts", import.meta.url))],
  });
  expect([run.lines, run.stderr]).toEqual([["true true"], ""]);
});

describe("the end of the process", () => {
  test.each<[string, number | null, string | null, Record<string, unknown>]>([
    ["returns", 0, null, { outcome: "completed", exit_code: 0 }],
    ["exit 3", 3, null, { outcome: "failed", exit_code: 3 }],
    ["exitCode 4", 4, null, { outcome: "failed", exit_code: 4 }],
    ["throws", 1, null, { outcome: "failed", exit_code: 1, error: { name: "Error", message: "thrown" } }],
    ["throws in block", 1, null, { outcome: "failed", exit_code: 1, error: { name: "Error", message: "thrown" } }],
    ["throws late", 1, null, { outcome: "failed", exit_code: 1, error: { name: "Error", message: "thrown" } }],
    ["rejects", 1, null, { outcome: "failed", exit_code: 1, error: { name: "Error", message: "thrown" } }],
    ["throws and is caught", 0, null, { outcome: "completed", exit_code: 0 }],
    ["SIGTERM", null, "SIGTERM", { outcome: "interrupted", exit_code: 143, signal: "SIGTERM" }],
    ["SIGINT", null, "SIGINT", { outcome: "interrupted", exit_code: 130, signal: "SIGINT" }],
    ["SIGTERM handled", 7, null, { outcome: "failed", exit_code: 7 }],
  ])("%s: exit code %s, signal %s, and the end record says the same", async (how, exitCode, signal, metadata) => {
    const { directory, database } = place();
    const run = await runUntilKilled({ args: [...child, how, directory, database] });
    expect([run.exitCode, run.signal]).toEqual([exitCode, signal]);
    await using store = await openSessionStore({ database, directory });
    const events = await store.query();
    expect(events.map(({ type, message }) => [type, message])).toEqual([
      ["session_start", "session_start"],
      ["event", "waited for"],
      ["event", "not waited for"],
      ["session_end", "session_end"],
    ]);
    expect(events.at(-1)!.metadata).toEqual({ duration_s: expect.any(Number), ...metadata });
  });
});
