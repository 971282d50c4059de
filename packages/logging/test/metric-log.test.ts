import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MetricValue, openMetricLog } from "@codex/logging";
import { parseMetricCsv, parseMetricRecords } from "@codex/metrics";
import { MemoryFs } from "@codex/storage/testing";
import { temporaryFolder } from "./temporary-folder.ts";

const now = () => new Date("2026-11-20T23:15:03Z");
const HEADER = "schema_version,run_id,timestamp,step,split,metric,value,dataset,tags";

const loss = (step: number | null, value = step ?? 0): MetricValue => ({ step, split: "train", metric: "loss", value });

async function write(
  directory: string,
  values: readonly MetricValue[],
  options: { resumeAtStep?: number; evaluatedAtStep?: number } = {},
) {
  await using log = await openMetricLog(directory, { runId: "run-1", now, ...options });
  for (const value of values) await log.metric(value);
}

function ndjson(directory: string): { step: number | null; value: number }[] {
  const text = readFileSync(join(directory, "metrics.ndjson"), "utf8");
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function csvSteps(directory: string): string[] {
  const [header, ...rows] = readFileSync(join(directory, "metrics.csv"), "utf8").trimEnd().split("\n");
  expect(header).toBe(HEADER);
  return rows.map((row) => row.split(",")[3]!);
}

test("the record shape of the architecture page, the same in NDJSON and CSV", async () => {
  const directory = temporaryFolder();
  const secret = `ghp_${"aB3d".repeat(9)}`;
  await write(directory, [
    { step: 1, split: "train", metric: "loss", value: 2.5 },
    {
      step: null,
      split: "test",
      metric: "exact_match",
      value: 1e-7,
      dataset: 'a "b", c',
      tags: { kind: "x,y", note: secret },
    },
  ]);
  const head = { schema_version: 1, run_id: "run-1", timestamp: "2026-11-20T23:15:03.000Z" };
  const tags = { kind: "x,y", note: "[REDACTED:github-personal-token]" };
  expect(ndjson(directory)).toEqual([
    { ...head, step: 1, split: "train", metric: "loss", value: 2.5, dataset: null, tags: {} },
    { ...head, step: null, split: "test", metric: "exact_match", value: 1e-7, dataset: 'a "b", c', tags },
  ]);
  expect(readFileSync(join(directory, "metrics.csv"), "utf8")).toBe(
    `${HEADER}\n1,run-1,2026-11-20T23:15:03.000Z,1,train,loss,2.5,,{}\n` +
      `1,run-1,2026-11-20T23:15:03.000Z,,test,exact_match,1e-7,"a ""b"", c","{""kind"":""x,y"",""note"":""[REDACTED:github-personal-token]""}"\n`,
  );
});

test("both files are what @codex/metrics reads", async () => {
  const directory = temporaryFolder();
  const tags = { "a,b": 'x "y"\n' };
  await write(directory, [loss(1), { step: null, split: "test", metric: "f1", value: -1e-9, dataset: 'q"', tags }]);
  const records = parseMetricRecords(readFileSync(join(directory, "metrics.ndjson"), "utf8"));
  expect(records.map(({ step, value, dataset, tags }) => [step, value, dataset, tags])).toEqual([
    [1, 1, null, {}],
    [null, -1e-9, 'q"', tags],
  ]);
  expect(parseMetricCsv(readFileSync(join(directory, "metrics.csv"), "utf8"))).toEqual(records);
});

test("reopening appends", async () => {
  const directory = temporaryFolder();
  await write(directory, [loss(1), loss(2)]);
  await write(directory, [loss(3)]);
  expect(ndjson(directory).map((record) => record.step)).toEqual([1, 2, 3]);
  expect(csvSteps(directory)).toEqual(["1", "2", "3"]);
});

test("resuming cuts what came after the step, so that each step is there exactly once", async () => {
  const directory = temporaryFolder();
  const validation: MetricValue = { step: 4, split: "validation", metric: "loss", value: 9 };
  await write(directory, [
    loss(1),
    loss(2),
    loss(null, 7),
    loss(3),
    loss(4),
    validation,
    loss(5),
    loss(null, 8),
    loss(6),
  ]);
  await write(directory, [loss(5, 50), loss(6, 60)], { resumeAtStep: 4 });
  expect(ndjson(directory).map(({ step, value }) => [step, value])).toEqual([
    ...[
      [1, 1],
      [2, 2],
      [null, 7],
      [3, 3],
      [4, 4],
      [4, 9],
    ],
    ...[
      [5, 50],
      [6, 60],
    ],
  ]);
  expect(csvSteps(directory)).toEqual(["1", "2", "", "3", "4", "4", "5", "6"]);
  await write(directory, [], { resumeAtStep: 0 });
  expect([ndjson(directory), csvSteps(directory)]).toEqual([[], []]);
});

test("an evaluation that the checkpoint does not know of is cut, with all that follows it", async () => {
  const directory = temporaryFolder();
  const held = (step: number): MetricValue => ({ step, split: "validation", metric: "loss", value: step });
  const shown = () => ndjson(directory).map((record) => `${(record as { split?: string }).split} ${record.step}`);
  await write(directory, [loss(1), loss(2), held(2), loss(3), loss(4), held(4), loss(5)]);
  await write(directory, [], { resumeAtStep: 4, evaluatedAtStep: 4 });
  expect(shown()).toEqual(["train 1", "train 2", "validation 2", "train 3", "train 4", "validation 4"]);
  expect(csvSteps(directory)).toEqual(["1", "2", "2", "3", "4", "4"]);
  await write(directory, [], { resumeAtStep: 4, evaluatedAtStep: 2 });
  expect(shown()).toEqual(["train 1", "train 2", "validation 2", "train 3", "train 4"]);
  expect(csvSteps(directory)).toEqual(["1", "2", "2", "3", "4"]);
});

test("a killed writer: cut anywhere in the last lines of either file, resuming gives every step once", async () => {
  const directory = temporaryFolder();
  await write(directory, [loss(1), loss(2), loss(3)]);
  for (const name of ["metrics.ndjson", "metrics.csv"]) {
    const path = join(directory, name);
    const whole = readFileSync(path);
    const lastTwo = whole.lastIndexOf("\n", whole.lastIndexOf("\n", whole.length - 2) - 1) + 1;
    for (let size = lastTwo; size < whole.length; size += 7) {
      writeFileSync(path, whole.subarray(0, size));
      await write(directory, [loss(2), loss(3)], { resumeAtStep: 1 });
      expect(ndjson(directory).map((record) => record.step)).toEqual([1, 2, 3]);
      expect(csvSteps(directory)).toEqual(["1", "2", "3"]);
    }
  }
});

test("after sync, a power loss takes nothing", async () => {
  const fs = new MemoryFs();
  await fs.mkdir("/run");
  await fs.fsyncDir("/");
  const log = await openMetricLog("/run", { runId: "run-1", now, fs });
  await log.metric(loss(1));
  await log.sync();
  await log.metric(loss(2));
  const after = fs.crash();
  const reopened = await openMetricLog("/run", { runId: "run-1", now, fs: after, resumeAtStep: 1 });
  await reopened.metric(loss(2));
  await reopened.close();
  const bytes = new Uint8Array((await after.stat("/run/metrics.ndjson")).size);
  await (await after.open("/run/metrics.ndjson", "r")).read(bytes, 0);
  const steps = Buffer.from(bytes)
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).step);
  expect(steps).toEqual([1, 2]);
});

test("a full disk is an error of the call, and the files stay whole", async () => {
  const fs = new MemoryFs({ capacityBytes: 700 });
  await fs.mkdir("/run");
  const log = await openMetricLog("/run", { runId: "run-1", now, fs });
  let failure: unknown;
  for (let step = 1; step < 20 && failure === undefined; step++)
    await log.metric(loss(step)).catch((e: unknown) => (failure = e));
  expect(failure).toMatchObject({ name: "StorageError", code: "STORAGE_DISK_FULL" });
  await log.close();
  const bytes = new Uint8Array((await fs.stat("/run/metrics.ndjson")).size);
  await (await fs.open("/run/metrics.ndjson", "r")).read(bytes, 0);
  const text = Buffer.from(bytes).toString();
  expect(text.endsWith("}\n")).toBe(true);
  for (const line of text.trimEnd().split("\n")) expect(JSON.parse(line)).toMatchObject({ metric: "loss" });
});

test("without CSV only NDJSON is written", async () => {
  const directory = temporaryFolder();
  await using log = await openMetricLog(directory, { runId: "run-1", csv: false });
  await log.metric(loss(1));
  expect(existsSync(join(directory, "metrics.csv"))).toBe(false);
});

test.each<[string, Partial<MetricValue>]>([
  ["a finite value, got NaN", { value: Number.NaN }],
  ["a finite value, got Infinity", { value: Number.POSITIVE_INFINITY }],
  ["a step from 0 or null, got 1.5", { step: 1.5 }],
  ["a step from 0 or null, got -1", { step: -1 }],
  ['split "train", "validation" or "test", got "dev"', { split: "dev" as never }],
  ["a name, got an empty one", { metric: "" }],
])("refused: expected %s", async (message, change) => {
  const directory = temporaryFolder();
  await using log = await openMetricLog(directory, { runId: "run-1", now });
  await expect(log.metric({ ...loss(1), ...change })).rejects.toMatchObject({
    code: "LOGGING_RECORD_INVALID",
    message: expect.stringContaining(message),
  });
  await log.metric(loss(2));
  expect(ndjson(directory).map((record) => record.step)).toEqual([2]);
});

test.each([
  ["metrics.ndjson", '{"loss": 1}\n', "1: expected a metric record of schema_version 1"],
  ["metrics.ndjson", "text\n", "1: expected a metric record"],
  ["metrics.csv", "step,loss\n1,2\n", "1: expected the header schema_version,"],
  ["metrics.csv", `${HEADER}\n1,a,b,c,d\n`, "2: expected a metric record"],
])("a %s that holds %j is not ours, and is left as it is", async (name, contents, message) => {
  const directory = temporaryFolder();
  writeFileSync(join(directory, name), contents);
  await expect(openMetricLog(directory, { runId: "run-1" })).rejects.toMatchObject({
    code: "LOGGING_FILE_FOREIGN",
    message: expect.stringContaining(message),
  });
  expect(readFileSync(join(directory, name), "utf8")).toBe(contents);
});
