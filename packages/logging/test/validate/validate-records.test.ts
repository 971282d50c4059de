import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { collectRunManifest, openEventLog, openMetricLog, writeRunManifest } from "@codex/logging";
import { schemaOf, validateRunRecords } from "@codex/logging/validate";
import { temporaryFolder } from "../temporary-folder.ts";

/** A run as `codex train` leaves it, without checkpoints. */
async function makeRun(): Promise<string> {
  const directory = temporaryFolder();
  const data = [{ path: "data/a.txt", bytes: 3, sha256: "a".repeat(64) }];
  await writeRunManifest(directory, await collectRunManifest({ runId: "run-1", seeds: { init: 1 }, data }));
  await using metrics = await openMetricLog(directory, { runId: "run-1" });
  for (const step of [1, 2, 3]) {
    await metrics.metric({ step, split: "train", metric: "loss", value: 1 / step, dataset: 'a,"b"', tags: { n: "1" } });
    await metrics.metric({ step, split: "train", metric: "learning_rate", value: 1e-3 });
  }
  await using events = await openEventLog(join(directory, "events.ndjson"), { runId: "run-1" });
  await events.log("run.started", { step: 0 });
  await events.log("run.finished", { status: "completed" });
  return directory;
}

const messages = async (directory: string) =>
  (await validateRunRecords(directory)).problems.map(
    ({ path, line, message }) => `${path.slice(directory.length + 1)}:${line ?? ""} ${message}`,
  );

/** Changes a file's lines. */
function edit(path: string, change: (lines: string[]) => string[]): void {
  writeFileSync(path, `${change(readFileSync(path, "utf8").trimEnd().split("\n")).join("\n")}\n`);
}

test("what the logs of this package write is valid", async () => {
  const directory = await makeRun();
  const report = await validateRunRecords(directory);
  expect(report.problems).toEqual([]);
  expect(Object.values(report.lines)).toEqual([6, 7, 2]);
});

test("records that are not of the published shape are told by line, with what is wrong", async () => {
  const directory = await makeRun();
  const at = (name: string) => join(directory, name);
  edit(at("metrics.ndjson"), (lines) => [
    lines[0]!,
    "not JSON",
    lines[1]!.replace('"value":0.001', '"value":"0.001"'),
    lines[2]!.replace('"split":"train"', '"split":"valid"'),
    lines[3]!.replace("run-1", "run-2"),
    ...lines.slice(4),
  ]);
  edit(at("events.ndjson"), (lines) => [
    lines[0]!.replace('"level":"info"', '"level":"loud","colour":"red"'),
    lines[1]!,
  ]);
  const found = await messages(directory);
  expect(found).toContain("metrics.ndjson:2 expected JSON");
  expect(found).toContain("metrics.ndjson:3 value must be number");
  expect(found.some((text) => text.startsWith("metrics.ndjson:4 split "))).toBe(true);
  expect(found).toContain('metrics.ndjson:5 expected run_id "run-1", got "run-2"');
  expect(found.some((text) => text.startsWith("events.ndjson:1 level "))).toBe(true);
  expect(found).toContain("events.ndjson:1 must not have additional properties");
});

test("a step that is there twice, one that goes back, and a table that differs are told", async () => {
  const directory = await makeRun();
  edit(join(directory, "metrics.ndjson"), (lines) => [lines[0]!, lines[0]!, ...lines.slice(2), lines[2]!]);
  expect(await messages(directory)).toEqual([
    "metrics.ndjson:2 train loss at step 1 is there twice",
    "metrics.ndjson:7 train loss goes back from step 3 to 2",
    expect.stringMatching(/^metrics\.csv:3 expected .*,loss,1,/),
  ]);
});

test("a table with too few or too many lines is told", async () => {
  const directory = await makeRun();
  edit(join(directory, "metrics.csv"), (lines) => lines.slice(0, -1));
  expect((await messages(directory))[0]).toMatch(/^metrics\.csv: expected as many lines/);
  edit(join(directory, "metrics.csv"), (lines) => [...lines, lines[1]!, lines[1]!]);
  expect((await messages(directory))[0]).toMatch(/^metrics\.csv:7 expected /);
});

test("an unfinished line, a missing manifest and bytes that are no text are told, and none ends the check", async () => {
  const directory = await makeRun();
  writeFileSync(join(directory, "manifest.json"), "{");
  writeFileSync(join(directory, "metrics.ndjson"), '{"schema_version":1', { flag: "a" });
  writeFileSync(join(directory, "events.ndjson"), Buffer.from([0xff, 0xfe, 10]));
  expect(await messages(directory)).toEqual([
    "manifest.json: expected JSON",
    expect.stringMatching(/^metrics\.ndjson: 19 bytes of a line that was not finished/),
    expect.stringMatching(/^events\.ndjson: .*expected UTF-8/),
  ]);
  expect(await messages(temporaryFolder())).toEqual([
    "manifest.json: expected the manifest of a run, there is no such file",
  ]);
});

test("problems beyond the limit are counted, not kept", async () => {
  const directory = await makeRun();
  writeFileSync(join(directory, "events.ndjson"), "x\n".repeat(50));
  const report = await validateRunRecords(directory, { maxProblems: 10 });
  expect(report.problems).toHaveLength(10);
  expect(report.problemCount).toBe(50);
});

test.each(["metric-record", "event-record", "run-manifest"] as const)(
  "the schema %s is published by name",
  async (name) => {
    const { default: published } = (await import(`@codex/logging/schemas/${name}.schema.json`, {
      with: { type: "json" },
    })) as {
      default: { $id: string };
    };
    expect(published.$id).toBe(`urn:codex:schema:${name}:1`);
    expect(schemaOf(name).problemsOf(null)).not.toEqual([]);
  },
);
