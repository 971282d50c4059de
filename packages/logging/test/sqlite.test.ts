import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createRunDirectory,
  openEventLog,
  openMetricLog,
  type RunManifest,
  summarizeRun,
  writeRunManifest,
} from "@codex/logging";
import { assertSafeSqlite, openRunIndex, rebuildRunIndex, updateRunIndex } from "@codex/logging/sqlite";
import { runUntilKilled } from "@codex/storage/testing";
import Database from "better-sqlite3";
import { openDatabase, openFailure } from "../src/sqlite/open-database.ts"; // settings cannot be read from another connection
import { sampleSummary } from "./sample-summary.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const child = [
  "--conditions=@codex/source",
  "--import",
  fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url)),
  fileURLToPath(new URL("./sqlite.child.ts", import.meta.url)),
];

function newPath(): string {
  return join(temporaryFolder(), "deep", "index.sqlite");
}

/** What SQLite itself says of the file. */
function integrityOf(path: string): unknown {
  using database = new ClosingDatabase(path);
  return [database.pragma("integrity_check", { simple: true }), database.pragma("foreign_key_check")];
}

class ClosingDatabase extends Database {
  [Symbol.dispose](): void {
    this.close();
  }
}

describe("a run index", () => {
  test("gives back what was put in, after reopening too", async () => {
    const path = newPath();
    const run = sampleSummary("run-1");
    const young = sampleSummary("run-2", {
      createdAt: "2026-12-01T00:00:00.000Z",
      status: "failed",
      step: null,
      gitCommit: null,
      metrics: [],
    });
    {
      await using index = await openRunIndex(path);
      await index.put(run);
      await index.put(young);
    }
    await using index = await openRunIndex(path);
    expect(await index.getRun("run-1")).toEqual(run);
    expect(await index.listRuns()).toEqual([young, run]);
    expect((await index.listRuns({ limit: 1 })).map((found) => found.runId)).toEqual(["run-2"]);
    expect((await index.listRuns({ status: "completed" })).map((found) => found.runId)).toEqual(["run-1"]);
  });

  test("replaces a run as a whole", async () => {
    await using index = await openRunIndex(newPath());
    await index.put(sampleSummary("run-1"));
    const later = sampleSummary("run-1", {
      step: 20,
      metrics: [{ split: "train", metric: "accuracy", dataset: null, step: 20, value: 0.5 }],
    });
    await index.put(later);
    expect(await index.listRuns()).toEqual([later]);
  });

  test("forgets a run, and names an unknown one in its error", async () => {
    await using index = await openRunIndex(newPath());
    await index.put(sampleSummary("run-1"));
    expect([await index.removeRun("run-1"), await index.removeRun("run-1")]).toEqual([true, false]);
    await expect(index.getRun("run-1' or 1=1")).rejects.toMatchObject({
      code: "LOGGING_RUN_UNKNOWN",
      message: expect.stringContaining("run-1' or 1=1"),
    });
  });

  test("keeps what was committed: settings of the connection", () => {
    const path = join(temporaryFolder(), "index.sqlite");
    const settings = ["journal_mode", "synchronous", "foreign_keys", "trusted_schema", "mmap_size", "busy_timeout"];
    // Of a new file, and of one that has a write-ahead log already, for which SQLite has defaults of its own.
    for (const _ of ["new", "again"]) {
      const database = openDatabase(path);
      expect(settings.map((name) => database.pragma(name, { simple: true }))).toEqual(["wal", 2, 1, 0, 0, 30_000]);
      database.exec("create table if not exists t (x)");
      database.close();
    }
  });

  test("calls of one process that overlap are done one after the other", async () => {
    await using index = await openRunIndex(newPath());
    await Promise.all(Array.from({ length: 20 }, (_, n) => index.put(sampleSummary(`run-${n}`))));
    expect((await index.listRuns()).length).toBe(20);
    expect((await Promise.all([index.listRuns(), index.listRuns({ limit: 3 })])).map((runs) => runs.length)).toEqual([
      20, 3,
    ]);
  });
});

test.each([["3.51.3"], ["3.53.0"], ["4.0.0"], ["3.51.10"]])("SQLite %s is fine", (version) => {
  expect(() => assertSafeSqlite(version)).not.toThrow();
});

test.each([["3.51.2"], ["3.50.9"], ["3.7.0"], ["2.9.9"], ["3.51"]])("SQLite %s is refused", (version) => {
  expect(() => assertSafeSqlite(version)).toThrow(
    expect.objectContaining({ code: "LOGGING_SQLITE_UNSUITABLE", message: expect.stringContaining(`got ${version}`) }),
  );
});

test("a better-sqlite3 without its native part is told from a file that cannot be opened", () => {
  const unbuilt = new Error("Could not locate the bindings file. Tried:\n -> a\n -> b");
  expect(openFailure(unbuilt, "/x")).toMatchObject({
    code: "LOGGING_SQLITE_UNSUITABLE",
    message: "better-sqlite3: its native part cannot be loaded: Could not locate the bindings file. Tried:",
    help: expect.stringContaining("npm rebuild better-sqlite3"),
  });
  const otherNode = Object.assign(new Error("was compiled against a different Node.js version"), {
    code: "ERR_DLOPEN_FAILED",
  });
  expect(openFailure(otherNode, "/x").code).toBe("LOGGING_SQLITE_UNSUITABLE");
  expect(openFailure(new Error("unable to open database file"), "/x")).toMatchObject({
    code: "LOGGING_INDEX_INVALID",
    message: "/x: cannot open the run index: unable to open database file",
  });
});

describe("a file that is no run index is refused and left alone:", () => {
  test("text", async () => {
    const path = join(temporaryFolder(), "notes.txt");
    writeFileSync(path, "these are notes, many notes\n".repeat(100));
    await expect(openRunIndex(path)).rejects.toMatchObject({ name: "LoggingError", code: "LOGGING_INDEX_INVALID" });
    expect(readFileSync(path, "utf8")).toBe("these are notes, many notes\n".repeat(100));
  });

  test("the database of another program", async () => {
    const path = join(temporaryFolder(), "other.sqlite");
    using other = new ClosingDatabase(path);
    other.exec("create table runs (a); insert into runs values (1)");
    await expect(openRunIndex(path)).rejects.toMatchObject({
      code: "LOGGING_INDEX_INVALID",
      message: expect.stringContaining("got a database of another program"),
    });
    expect(other.prepare("select name, (select count(*) from runs) as n from sqlite_master").all()).toEqual([
      { name: "runs", n: 1 },
    ]);
  });

  test("the index of a newer version", async () => {
    const path = newPath();
    await (await openRunIndex(path)).close();
    using database = new ClosingDatabase(path);
    database.prepare("insert into kysely_migration values ('9999-later', 'now')").run();
    await expect(openRunIndex(path)).rejects.toMatchObject({
      code: "LOGGING_INDEX_INVALID",
      message: expect.stringContaining("9999-later"),
      help: expect.stringContaining("newer version"),
    });
  });

  test("a folder", async () => {
    await expect(openRunIndex(temporaryFolder())).rejects.toMatchObject({ code: "LOGGING_INDEX_INVALID" });
  });
});

test("several processes open a new index and write at once: no row is lost, nobody is turned away", async () => {
  const path = newPath();
  const runs = await Promise.all(
    ["a", "b", "c", "d"].map((prefix) => runUntilKilled({ args: [...child, path, prefix, "50"] })),
  );
  expect(runs.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(Array(4).fill([0, ""]));
  await using index = await openRunIndex(path);
  const found = await index.listRuns({ limit: 1000 });
  expect(found.map((run) => run.runId).sort()).toEqual(runs.flatMap((run) => run.lines).sort());
  expect(found.length).toBe(200);
  for (const run of found) expect(run).toEqual(sampleSummary(run.runId));
  expect(integrityOf(path)).toEqual(["ok", []]);
});

test("kill -9 at any moment: what was reported as written is there, whole, and the file is sound", async () => {
  const path = newPath();
  const reported: string[] = [];
  for (const [round, afterMs] of [0, 1, 2, 5, 9, 14].entries()) {
    const run = await runUntilKilled({
      args: [...child, path, `r${round}`, "100000"],
      kill: { line: `r${round}-0`, afterMs },
    });
    expect([run.signal, run.stderr]).toEqual(["SIGKILL", ""]);
    reported.push(...run.lines);
    await using index = await openRunIndex(path);
    const found = new Map((await index.listRuns({ limit: 1e6 })).map((summary) => [summary.runId, summary]));
    expect(reported.filter((id) => !found.has(id))).toEqual([]);
    // The one that was under way may be there: whole.
    expect(found.size - reported.length).toBeLessThanOrEqual(round + 1);
    for (const [id, summary] of found) expect(summary).toEqual(sampleSummary(id));
    expect(integrityOf(path)).toEqual(["ok", []]);
  }
});

describe("from run directories", () => {
  const manifest = (runId: string, createdAt: string) =>
    ({ schema_version: 1, run_id: runId, created_at: createdAt, git: { commit: "c".repeat(40) } }) as RunManifest;

  async function makeRun(root: string, runId: string, steps: number, status?: "completed" | "failed"): Promise<string> {
    const run = await createRunDirectory(root, { runId });
    await writeRunManifest(run.directory, manifest(runId, `2026-11-2${steps}T00:00:00.000Z`));
    await using events = await openEventLog(run.events, { runId });
    await events.log("run.started");
    await using metrics = await openMetricLog(run.directory, { runId });
    for (let step = 1; step <= steps; step++)
      await metrics.metric({ step, split: "train", metric: "loss", value: 1 / step });
    if (status !== undefined) await events.log("run.finished", { status });
    return run.directory;
  }

  test("a summary tells the last values and how the run ended", async () => {
    const root = temporaryFolder();
    const directory = await makeRun(root, "one", 4, "completed");
    expect(await summarizeRun(directory)).toEqual({
      runId: "one",
      directory,
      createdAt: "2026-11-24T00:00:00.000Z",
      status: "completed",
      step: 4,
      gitCommit: "c".repeat(40),
      metrics: [{ split: "train", metric: "loss", dataset: null, step: 4, value: 0.25 }],
      manifest: manifest("one", "2026-11-24T00:00:00.000Z"),
    });
    {
      await using events = await openEventLog(join(directory, "events.ndjson"), { runId: "one" });
      await events.log("run.resumed");
    }
    expect((await summarizeRun(directory)).status).toBe("unfinished");
    await writeRunManifest((await createRunDirectory(root, { runId: "bare" })).directory, manifest("bare", "x"));
    expect(await summarizeRun(join(root, "bare"))).toMatchObject({ status: "unfinished", step: null, metrics: [] });
  });

  test("the index can be rebuilt, and is then what it was", async () => {
    const root = temporaryFolder();
    const path = newPath();
    const directories = [
      await makeRun(root, "one", 1, "completed"),
      await makeRun(root, "three", 3),
      await makeRun(root, "two", 2, "failed"),
    ];
    {
      await using index = await openRunIndex(path);
      for (const directory of directories) await index.refresh(directory);
      await index.put(sampleSummary("deleted-since"));
    }
    const broken = await createRunDirectory(root, { runId: "broken" });
    writeFileSync(broken.manifest, "{");
    const garbled = await makeRun(root, "garbled", 1);
    appendFileSync(join(garbled, "metrics.ndjson"), "no record\n");
    const copy = await createRunDirectory(root, { runId: "zzz-copy" });
    await writeRunManifest(copy.directory, manifest("two", "x"));
    await createRunDirectory(root, { runId: "no-manifest" });
    writeFileSync(join(root, "file"), "");

    const rebuilt = await rebuildRunIndex(path, [root]);
    expect(rebuilt.indexed).toEqual(directories);
    expect(rebuilt.skipped).toMatchObject([
      { directory: broken.directory, error: { code: "LOGGING_MANIFEST_INVALID" } },
      {
        directory: garbled,
        error: { code: "LOGGING_FILE_FOREIGN", message: expect.stringContaining("metrics.ndjson:2") },
      },
      { directory: copy.directory, error: { code: "LOGGING_RUN_EXISTS" } },
    ]);
    await using index = await openRunIndex(path);
    expect(await index.listRuns()).toEqual(
      [directories[1]!, directories[2]!, directories[0]!].map((directory) => expect.objectContaining({ directory })),
    );
    for (const directory of directories) {
      const summary = await summarizeRun(directory);
      expect(await index.getRun(summary.runId)).toEqual(summary);
    }
  });

  test("an update reads only what changed, and forgets what is gone", async () => {
    const root = temporaryFolder();
    const path = join(root, "index.sqlite");
    const directories: string[] = [];
    for (const runId of ["a", "b", "c"]) {
      const run = await createRunDirectory(root, { runId });
      await writeRunManifest(run.directory, sampleSummary(runId).manifest);
      directories.push(run.directory);
    }
    expect((await updateRunIndex(path, [root])).indexed).toEqual(directories);
    await using index = await openRunIndex(path);
    // What only the index says shows which directories were read again.
    using database = new ClosingDatabase(path);
    database.exec("update runs set status = 'untouched'");
    await using events = await openEventLog(join(directories[1]!, "events.ndjson"), { runId: "b" });
    await events.log("run.finished", { status: "completed" });
    rmSync(directories[2]!, { recursive: true });
    expect((await updateRunIndex(path, [root])).indexed).toEqual(directories.slice(0, 2));
    expect((await index.listRuns()).map(({ runId, status }) => [runId, status])).toEqual([
      ["b", "completed"],
      ["a", "untouched"],
    ]);
  });
});
