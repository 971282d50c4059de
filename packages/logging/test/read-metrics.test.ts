import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MetricRecord, readMetrics } from "@codex/logging";
import fc from "fast-check";
import { temporaryFolder } from "./temporary-folder.ts";

const record = (metric: string, step: number | null, value: number): MetricRecord => ({
  schema_version: 1,
  run_id: "run-1",
  timestamp: "2026-11-20T23:15:03.000Z",
  step,
  split: "train",
  metric,
  value,
  dataset: null,
  tags: {},
});

async function read(path: string, where?: (found: MetricRecord) => boolean): Promise<string[]> {
  const found: string[] = [];
  for await (const { metric, step, value } of readMetrics(path, where === undefined ? {} : { where })) {
    found.push(`${metric}@${step}=${value}`);
  }
  return found;
}

function write(records: readonly MetricRecord[], path = join(temporaryFolder(), "metrics.ndjson")): string {
  writeFileSync(path, records.map((value) => `${JSON.stringify(value)}\n`).join(""));
  return path;
}

test("of a step that is there again the later record counts; what belongs to no step is kept as often as it comes", async () => {
  const path = write([
    record("loss", 1, 10),
    record("loss", 2, 20),
    record("note", null, 1),
    record("loss", 2, 21),
    record("rate", 2, 5),
    record("loss", 3, 30),
    record("note", null, 1),
  ]);
  expect(await read(path)).toEqual(["loss@1=10", "note@null=1", "loss@2=21", "rate@2=5", "loss@3=30", "note@null=1"]);
  expect(await read(path, ({ metric }) => metric === "rate")).toEqual(["rate@2=5"]);
});

test("for any records: each key once, with its last value, in the order of those", async () => {
  const path = join(temporaryFolder(), "metrics.ndjson");
  const any = fc.record({ metric: fc.constantFrom("a", "b"), step: fc.option(fc.nat(4)), value: fc.nat(99) });
  await fc.assert(
    fc.asyncProperty(fc.array(any, { maxLength: 20 }), async (values) => {
      write(
        values.map(({ metric, step, value }) => record(metric, step, value)),
        path,
      );
      const isLast = ({ metric, step }: (typeof values)[number], at: number) =>
        step === null || !values.slice(at + 1).some((later) => later.metric === metric && later.step === step);
      expect(await read(path)).toEqual(
        values.filter(isLast).map(({ metric, step, value }) => `${metric}@${step}=${value}`),
      );
    }),
  );
});

test("no file has no records; a torn end is left out; a foreign line is named", async () => {
  const folder = temporaryFolder();
  expect(await read(join(folder, "none.ndjson"))).toEqual([]);
  const path = join(folder, "metrics.ndjson");
  writeFileSync(path, `${JSON.stringify(record("loss", 1, 10))}\n{"schema_ver`);
  expect(await read(path)).toEqual(["loss@1=10"]);
  writeFileSync(path, `${JSON.stringify(record("loss", 1, 10))}\n{"loss":3}\n`);
  await expect(read(path)).rejects.toMatchObject({
    code: "LOGGING_FILE_FOREIGN",
    message: expect.stringContaining(":2:"),
  });
});
