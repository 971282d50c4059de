import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseMetricCsv } from "@codex/metrics";
import { compareRuns, exportRuns, train, validateRun } from "@codex/pipeline";
import { parquetReadObjects } from "hyparquet";
import { temporaryFolder, tinyConfiguration, tinyProject } from "./tiny-project.ts";

let directory: string;
let runsDirectory: string;
beforeAll(async () => {
  directory = tinyProject();
  runsDirectory = join(directory, "runs");
  await train(await tinyConfiguration(directory, "logging.runId=first"));
  await train(await tinyConfiguration(directory, "logging.runId=second", "training.learningRate=0.02"));
});

interface Row {
  run_id: string;
  step: number | bigint | null;
  timestamp: string | Date;
  metric: string;
  value: number;
}

const recorded = (run: string): Row[] =>
  readFileSync(join(runsDirectory, run, "metrics.ndjson"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

test("a run as it was trained is valid; one that was changed is told file by file", async () => {
  const check = await validateRun("first", { runsDirectory });
  expect(check).toMatchObject({ valid: true, problemCount: 0 });
  expect(check.checkpoints).toBeGreaterThan(0);
  const damaged = tinyProject();
  const { runDirectory, checkpoint } = await train(await tinyConfiguration(damaged, "logging.runId=damaged"));
  appendFileSync(join(runDirectory, "metrics.ndjson"), "{}\n");
  appendFileSync(join(checkpoint!, "model.safetensors"), "x");
  const found = await validateRun(runDirectory);
  expect(found.valid).toBe(false);
  expect(found.problems.map(({ path }) => path)).toEqual(
    expect.arrayContaining([join(runDirectory, "metrics.ndjson"), checkpoint]),
  );
  await expect(validateRun("nothing", { runsDirectory })).rejects.toMatchObject({ code: "PIPELINE_RUN_NOT_FOUND" });
});

test("a comparison tells what differs and how each run did", async () => {
  const comparison = await compareRuns(["first", join(runsDirectory, "second")], { runsDirectory });
  expect(comparison.runs.map(({ runId }) => runId)).toEqual(["first", "second"]);
  expect(comparison.configuration.map(({ key }) => key)).toEqual(["training.learningRate"]);
  expect(comparison.configuration[0]!.values[1]).toBe(0.02);
  const loss = comparison.metrics.find(({ split, metric }) => split === "train" && metric === "loss")!;
  const values = recorded("first").filter(({ metric }) => metric === "loss");
  const train0 = loss.runs[0]!;
  expect(train0.last).toBe(values.filter((row) => (row as { split?: string }).split === "train").at(-1)!.value);
  expect(train0.smallest).toBeLessThanOrEqual(train0.last);
  expect(loss.runs[1]!.last).not.toBe(train0.last);
  expect(comparison.circumstances).toEqual([]);
});

test.each(["csv", "json", "parquet"] as const)(
  "%s holds every number of the runs, as it was recorded",
  async (format) => {
    const output = join(temporaryFolder(), "deeper", `runs.${format}`);
    const exported = await exportRuns({ runs: ["first", "second"], runsDirectory, output, format });
    const expected = [...recorded("first"), ...recorded("second")];
    expect(exported.records).toBe(expected.length);
    const bytes = readFileSync(output);
    expect(bytes.byteLength).toBe(exported.bytes);
    let rows: Row[];
    if (format === "csv") rows = parseMetricCsv(bytes.toString());
    else if (format === "json") rows = JSON.parse(bytes.toString()) as Row[];
    else {
      const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
      rows = (await parquetReadObjects({ file })) as unknown as Row[];
    }
    const plain = ({ run_id, step, timestamp, metric, value }: Row) => ({
      run_id,
      step: step === null ? null : Number(step),
      at: new Date(timestamp).getTime(),
      metric,
      value,
    });
    expect(rows.map(plain)).toEqual(expected.map(plain));
  },
);

test("metrics are chosen by name or by the start of it; an export of nothing is an error and leaves no file", async () => {
  const output = join(temporaryFolder(), "some.json");
  await exportRuns({ runs: ["first"], runsDirectory, output, format: "json", metrics: ["lo*"] });
  const rows = JSON.parse(readFileSync(output, "utf8")) as Row[];
  expect(new Set(rows.map(({ metric }) => metric))).toEqual(new Set(["loss"]));
  writeFileSync(output, "old");
  const nothing = exportRuns({ runs: ["first"], runsDirectory, output, format: "json", metrics: ["none"] });
  await expect(nothing).rejects.toMatchObject({ code: "PIPELINE_EXPORT_EMPTY" });
  expect(readFileSync(output, "utf8")).toBe("old");
  expect(readdirSync(join(output, ".."))).toEqual(["some.json"]);
  expect(existsSync(output)).toBe(true);
});
