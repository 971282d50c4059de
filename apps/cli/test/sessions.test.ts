import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { codex, project, SOURCES, startCodex } from "./harness.ts";

const saved = { ...process.env };
beforeEach(() => {
  for (const name of ["CODEX_SESSION_ID", "CODEX_SESSION_LOG_DIR", "CODEX_LOG_DB_PATH", "CODEX_DB_PATH"])
    delete process.env[name];
});
afterAll(() => {
  process.env = saved;
});

const line = (at: string, role: string, message: string, level = "info") =>
  `${JSON.stringify({ schema_version: 1, id: `${at}${message}`, session_id: "s", timestamp: at, type: "event", role, level, message, metadata: null })}\n`;

/** A project with two sessions. */
function withSessions(): string {
  return project({
    ".codex/sessions/old.ndjson": line("2026-01-05T10:00:00.000Z", "user", "an old question"),
    ".codex/sessions/new.ndjson": [
      line("2026-11-19T10:00:00.000Z", "user", "How large is the corpus?"),
      line("2026-11-20T10:00:00.000Z", "assistant", "A million tokens."),
      line("2026-11-20T11:30:00.000Z", "tool", "disk full\nwhile saving", "error"),
    ].join(""),
  });
}

const messages = (json: string) => (JSON.parse(json) as { message: string }[]).map(({ message }) => message);

test("list, view, query, search and stats answer from the files, through a database that is made on the way", async () => {
  const directory = withSessions();
  const list = await codex(directory, "sessions", "list");
  expect(list).toMatchObject({ exitCode: 0, err: "" });
  expect(list.out).toMatch(/^session +events +first .*\nnew +3 +2026-11-19T10:00:00\.000Z .*\nold +1 /);
  expect((await codex(directory, "sessions", "view", "new")).out).toBe(
    "2026-11-19T10:00:00.000Z (user): How large is the corpus?\n2026-11-20T10:00:00.000Z (assistant): A million tokens.\n2026-11-20T11:30:00.000Z (tool) [ERROR]: disk full\n    while saving\n",
  );
  const query = async (...flags: string[]) =>
    messages((await codex(directory, "sessions", "query", "--json", ...flags)).out);
  expect(await query("--role", "user")).toEqual(["an old question", "How large is the corpus?"]);
  expect(await query("--level", "ERROR")).toEqual(["disk full\nwhile saving"]);
  expect(await query("--contains", "CORPUS")).toEqual(["How large is the corpus?"]);
  expect(await query("--after", "2026-11-20", "--before", "2026-11-20T11:00+00:30")).toEqual(["A million tokens."]);
  expect(await query("--until", "2026-11-19")).toEqual(["an old question", "How large is the corpus?"]);
  expect(await query("--last", "2", "--desc")).toEqual(["disk full\nwhile saving", "A million tokens."]);
  expect(await query("--limit", "1", "--offset", "1")).toEqual(["How large is the corpus?"]);
  expect(messages((await codex(directory, "sessions", "search", "million OR corpus", "--json")).out)).toHaveLength(2);
  expect(JSON.parse((await codex(directory, "sessions", "stats", "--json")).out)).toMatchObject({
    events: 4,
    sessions: 2,
    byRole: { user: 2, assistant: 1, tool: 1 },
    byDay: { "2026-01-05": 1, "2026-11-19": 1, "2026-11-20": 2 },
  });
  expect((await codex(directory, "sessions", "query", "--contains", "nothing like it")).out).toBe("(no events)\n");
});

test.each([
  [["query", "--since", "yesterday"], 2, /2026-/],
  [["query", "--role", "robot"], 2, /system, user, assistant, tool/],
  [["query", "--level", "loud"], 2, /debug, info, warning or error/],
  [["query", "--limit", "-1"], 2, /--limit/],
  [["view"], 2, /one session/],
  [["view", "../../etc/passwd"], 0, /^$/],
  [["query", "--db", "none.db"], 3, /there is no none\.db/],
  [["query", "--db", "train.txt"], 3, /train\.txt/],
  [["shell", "fish"], 2, /bash, zsh, powershell/],
  [["import"], 2, /--all/],
])("sessions %j says what was expected (exit code %d)", async (args, exitCode, says) => {
  const result = await codex(withSessions(), "sessions", ...args);
  expect(result).toMatchObject({ exitCode });
  expect(result.err).toMatch(says);
});

test("a folder without sessions: exit code 3, and nothing is made", async () => {
  const directory = project();
  const result = await codex(directory, "sessions", "list");
  expect(result).toMatchObject({ exitCode: 3, out: "", err: expect.stringContaining("init-sample") });
  expect(existsSync(join(directory, ".codex"))).toBe(false);
  expect((await codex(directory, "sessions", "init-sample")).exitCode).toBe(0);
  expect((await codex(directory, "sessions", "view", "sample")).out).toContain("(assistant): About a million.\n");
});

test("import adds nothing twice, tells malformed lines by number, and a rebuild gives the same rows", async () => {
  const directory = withSessions();
  const file = join(directory, ".codex/sessions/new.ndjson");
  writeFileSync(file, "not JSON\n", { flag: "a" });
  const first = await codex(directory, "sessions", "import", "--all");
  expect(first.exitCode).toBe(3);
  expect(first.out).toContain(".codex/sessions/new.ndjson: 3 events added\n.codex/sessions/new.ndjson:4: not JSON\n");
  expect((await codex(directory, "sessions", "import", "--all")).out).toBe("nothing new\n");
  const before = (await codex(directory, "sessions", "query", "--json")).out;
  expect((await codex(directory, "sessions", "rebuild")).out).toContain("4 events of 2 files");
  expect((await codex(directory, "sessions", "query", "--json")).out).toBe(before);
});

test("purge tells first, keeps an archive, and takes files and rows", async () => {
  const directory = withSessions();
  await codex(directory, "sessions", "list");
  const days = String(Math.ceil((Date.now() - Date.parse("2026-06-01")) / 86_400_000));
  const dry = await codex(directory, "sessions", "purge", "--days", days, "--dry-run");
  expect(dry.out).toMatch(/^old {2}1 events, .*\n1 sessions would go\n$/);
  expect(readdirSync(join(directory, ".codex/sessions"))).toEqual(["new.ndjson", "old.ndjson"]);
  const purged = await codex(directory, "sessions", "purge", "--days", days);
  expect(purged.out).toMatch(
    /1 sessions and 1 rows removed; all of it is in \.codex\/archives\/session_logs_\d{8}T\d{6}Z\.db\n$/,
  );
  expect(readdirSync(join(directory, ".codex/sessions"))).toEqual(["new.ndjson"]);
  expect((await codex(directory, "sessions", "list")).out).not.toContain("old");
  const [archive] = readdirSync(join(directory, ".codex/archives"));
  const kept = await codex(directory, "sessions", "query", "--db", `.codex/archives/${archive}`, "--json");
  expect(messages(kept.out)).toHaveLength(4);
});

test("a snapshot opens immutable in SQLite of others, from a folder that nobody may write to, and leaves no file beside it", async () => {
  const directory = withSessions();
  expect(await codex(directory, "sessions", "snapshot", "--output", "keep/sessions.db")).toMatchObject({ exitCode: 0 });
  const folder = join(directory, "keep");
  chmodSync(join(folder, "sessions.db"), 0o444);
  chmodSync(folder, 0o555);
  const script = `import sqlite3,sys; print(sqlite3.connect("file:"+sys.argv[1]+"?immutable=1", uri=True).execute("select count(*) from session_events").fetchone()[0])`;
  const count = execFileSync("python3", ["-c", script, join(folder, "sessions.db")], { encoding: "utf8" });
  expect(count.trim()).toBe("4");
  expect(
    messages((await codex(directory, "sessions", "query", "--db", "keep/sessions.db", "--json")).out),
  ).toHaveLength(4);
  expect(readdirSync(folder)).toEqual(["sessions.db"]);
  chmodSync(folder, 0o755);
});

describe("databases of other programs", () => {
  /** @param journal - "wal" leaves a database that SQLite itself would write beside */
  function foreign(schema: string, rows: readonly unknown[][], { journal = "delete", insert = "" } = {}): string {
    const directory = project();
    mkdirSync(join(directory, "theirs"));
    const database = new Database(join(directory, "theirs/logs.db"));
    database.pragma(`journal_mode = ${journal}`);
    database.exec(schema);
    const statement = database.prepare(insert);
    for (const row of rows) statement.run(...row);
    database.close();
    return directory;
  }
  const untouched = (directory: string) =>
    readdirSync(join(directory, "theirs")).map((name) => {
      const { size, mtimeMs } = statSync(join(directory, "theirs", name));
      return [name, size, mtimeMs];
    });

  test.each([
    [
      "seconds as numbers",
      "create table logs (ts real, session text, kind text, message text)",
      "insert into logs values (?, ?, ?, ?)",
      [
        [1763632800, "a", "user", "first"],
        [1763636400.5, "a", "WARN", "second"],
      ],
    ],
    [
      "times as texts, in a table of another name",
      "create table chat (created_at text, conversation_id text, speaker text, content text); create table other (x)",
      "insert into chat values (?, ?, ?, ?)",
      [
        ["2025-11-20 10:00:00", "a", "user", "first"],
        ["2025-11-20T12:00:00.5+01:00", "a", "assistant", "second"],
      ],
    ],
    [
      "the sample of the inventory",
      "create table session_events (id integer primary key autoincrement, ts real, session_id text, actor text, event text, data text)",
      "insert into session_events (ts, session_id, actor, event, data) values (?, ?, ?, ?, ?)",
      [
        [1763632800, "a", "user", "first", '{"text":"hello"}'],
        [1763636400.5, "a", "system", "second", "plain"],
      ],
    ],
  ])("%s", async (_name, schema, insert, rows) => {
    for (const journal of ["delete", "wal"]) {
      const directory = foreign(schema, rows, { insert, journal });
      const before = untouched(directory);
      const query = async (...flags: string[]) =>
        messages((await codex(directory, "sessions", "query", "--db", "theirs/logs.db", "--json", ...flags)).out);
      expect(await query()).toEqual(["first", "second"]);
      expect(await query("--after", "2025-11-20T10:30:00Z")).toEqual(["second"]);
      expect(await query("--before", "2025-11-20T10:30:00Z")).toEqual(["first"]);
      expect(await query("--session-id", "a", "--last", "1")).toEqual(["second"]);
      expect(await query("--session-id", "b")).toEqual([]);
      expect(untouched(directory)).toEqual(before);
    }
  });

  test("a log that its owner left behind is read, too, and stays", async () => {
    const directory = project();
    mkdirSync(join(directory, "theirs"));
    const path = join(directory, "theirs/logs.db");
    const script = `const D=require(${JSON.stringify(require_("better-sqlite3"))});const d=new D(${JSON.stringify(path)});d.pragma("journal_mode=wal");d.exec("create table logs(ts,message)");d.exec("insert into logs values(1763632800,'in the log')");process.kill(process.pid,"SIGKILL")`;
    spawnSync(process.execPath, ["-e", script]);
    // The shared memory of the killed one is of no use to anybody, and on another machine it would not be there.
    execFileSync("rm", ["-f", `${path}-shm`]);
    const before = untouched(directory);
    expect(before.map(([name]) => name)).toEqual(["logs.db", "logs.db-wal"]);
    const { out } = await codex(directory, "sessions", "query", "--db", "theirs/logs.db", "--json");
    expect(messages(out)).toEqual(["in the log"]);
    expect(untouched(directory)).toEqual(before);
  });

  test.each(["logs; drop table logs", 'logs" --', "sqlite_master", "", "ＬＯＧＳ", "x".repeat(100_000), "logs\0"])(
    "--table %j is refused",
    async (table) => {
      const directory = foreign("create table logs (ts real, message text)", [[1763632800, "here"]], {
        insert: "insert into logs values (?, ?)",
      });
      const result = await codex(directory, "sessions", "query", "--db", "theirs/logs.db", `--table=${table}`);
      expect(result.exitCode).toBe(2);
      expect(result.err).toContain('expected one of "logs"');
      expect(messages((await codex(directory, "sessions", "query", "--db", "theirs/logs.db", "--json")).out)).toEqual([
        "here",
      ]);
    },
  );

  test("a database without such a table says what was looked for", async () => {
    const directory = foreign("create table numbers (a, b)", [[1, 2]], { insert: "insert into numbers values (?, ?)" });
    const result = await codex(directory, "sessions", "query", "--db", "theirs/logs.db");
    expect(result).toMatchObject({ exitCode: 3, err: expect.stringMatching(/created_at.*content.*numbers\(a, b\)/) });
  });
});

test("tail -f shows what comes, from whichever process, until Ctrl-C", async () => {
  const directory = withSessions();
  const child = startCodex(directory, ["sessions", "tail", "-n", "1", "-f"]);
  expect(await child.line((text) => text.includes("disk full"))).toContain("(tool) [ERROR] [new]");
  writeFileSync(join(directory, ".codex/sessions/third.ndjson"), line(new Date().toISOString(), "user", "just now"));
  expect(await child.line((text) => text.includes("just now"))).toContain("(user) [third]: just now");
  child.process.kill("SIGINT");
  const { out } = await child.finished;
  expect(out.match(/disk full/g)).toHaveLength(1);
  expect(out.match(/just now/g)).toHaveLength(1);
});

describe("shell functions", () => {
  const bin = fileURLToPath(new URL("../bin/codex.js", import.meta.url));
  const shells = ["bash", "zsh"].filter((shell) => spawnSync(shell, ["-c", "exit 0"]).status === 0);

  // zsh is not on every machine; what is there is tested.
  test.each(shells)(
    "%s: start and end records with the true exit code, arguments without secrets, traps of others kept",
    async (shell) => {
      const directory = project();
      const command = `${[process.execPath, ...SOURCES, bin].join(" ")}`;
      const script = `${shell === "bash" ? "trap 'echo other trap $?' EXIT\n" : ""}
export CODEX_SESSION_COMMAND=codex_command
codex_command() { ${command} "$@"; }
eval "$(codex_command sessions shell ${shell})"
codex_session_start "$@"
echo "id $CODEX_SESSION_ID"
( echo subshell )
exit 7
`;
      writeFileSync(join(directory, "work.sh"), script);
      const { NODE_OPTIONS: _options, ...env } = process.env;
      const run = spawnSync(shell, ["work.sh", "--token", "hunter2-secret", "plain"], {
        cwd: directory,
        env,
        encoding: "utf8",
      });
      expect(run).toMatchObject({ status: 7, stderr: "" });
      const id = /^id (\S+)$/m.exec(run.stdout)?.[1] as string;
      if (shell === "bash") expect(run.stdout).toContain("other trap 7");
      const text = readFileSync(join(directory, `.codex/sessions/${id}.ndjson`), "utf8");
      expect(text).not.toContain("hunter2-secret");
      const records = text
        .trimEnd()
        .split("\n")
        .map((record) => JSON.parse(record) as { type: string; metadata: Record<string, unknown> });
      expect(records.map(({ type }) => type)).toEqual(["session_start", "session_end"]);
      expect(records[0]!.metadata["argv"]).toEqual(["work.sh", "--token", "[REDACTED]", "plain"]);
      expect(records[1]!.metadata).toMatchObject({ exit_code: 7, outcome: "failed" });
      expect(records[1]!.metadata["duration_s"]).toBeGreaterThan(0);
      expect((await codex(directory, "sessions", "list")).out).toMatch(/ failed \(7\) /);
    },
  );

  test("PowerShell's functions are printed, too", async () => {
    const { out } = await codex(project(), "sessions", "shell", "powershell");
    expect(out).toContain("function Start-CodexSession");
  });
});

test("the text of others cannot move the cursor of a terminal", async () => {
  const directory = project({
    ".codex/sessions/x.ndjson": line("2026-11-20T10:00:00.000Z", "user", "a\u001b[2Jb\u0007\r\nc"),
  });
  expect((await codex(directory, "sessions", "view", "x")).out).toBe(
    "2026-11-20T10:00:00.000Z (user): a\\x1b[2Jb\\x07\n    c\n",
  );
});

function require_(name: string): string {
  return fileURLToPath(import.meta.resolve(name));
}
