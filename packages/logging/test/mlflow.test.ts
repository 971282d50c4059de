/** Against a strict stand-in; that the real server and the real migration take the same is tested by tools/trackers. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openMetricLog, openTrackerFeed, type TrackedRun, writeRunManifest } from "@codex/logging";
import { mlflow } from "@codex/logging/mlflow";
import { trackerContract } from "@codex/logging/testing";
import { registryEntryContract } from "@codex/registry/testing";
import { keyValues, mlflowName, paramBatches } from "../src/mlflow/limits.ts";
import { resolveMlflowTarget } from "../src/mlflow/tracking-uri.ts";
import { standIn } from "./mlflow-stand-in.ts";
import { sampleManifest } from "./sample-manifest.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let server: Awaited<ReturnType<typeof standIn>>;
beforeEach(async () => {
  server = await standIn();
});
afterEach(() => server.close());

const RUN: TrackedRun = {
  runId: "run-1",
  directory: "",
  createdAt: "2026-11-20T23:15:03.000Z",
  tags: { command: "codex train", "git.commit": "abc" },
  resumed: false,
  restarted: false,
};
const TIME = Date.parse("2026-11-20T23:16:00.000Z");

function record(step: number | null, metric = "loss", value = 1 / ((step ?? 0) + 1), ms = step ?? 0) {
  const timestamp = new Date(TIME + ms).toISOString();
  return {
    schema_version: 1,
    run_id: "run-1",
    timestamp,
    step,
    split: "train",
    metric,
    value,
    dataset: "text",
    tags: {},
  } as const;
}

async function tracker(options: object = { uri: server.uri }, mode: "live" | "replay" = "live") {
  const notices: string[] = [];
  const runDirectory = temporaryFolder();
  const context = {
    runId: "run-1",
    runDirectory,
    stateDirectory: "",
    mode,
    onNotice: (text: string) => void notices.push(text),
  };
  return { made: mlflow.create(options, context), notices, runDirectory };
}

async function started(run: Partial<TrackedRun> = {}) {
  const opened = await tracker();
  await opened.made.start({ ...RUN, ...run });
  return opened;
}

describe("the contract", () => {
  for (const { name, run } of registryEntryContract(mlflow)) test(name, run);
  const cases = trackerContract(
    { ...mlflow, create: (_options: object, context) => mlflow.create({ uri: server.uri }, context) },
    { options: {}, inspect: () => expect(server.state.duplicates).toBe(0) },
  );
  for (const { name, run } of cases) test(name, run);
  const folders = trackerContract(
    {
      ...mlflow,
      create: (_options: object, context) => mlflow.create({ uri: join(context.runDirectory, "mlruns") }, context),
    },
    { options: {} },
  );
  for (const { name, run } of folders) test(`${name}, in a folder`, run);
});

test("a run has its name, start, tags, parameters, metrics, texts, files and its end", async () => {
  const { made, runDirectory } = await started();
  writeFileSync(join(runDirectory, "config.yaml"), "seed: 1\n");
  await made.logParams({ "training.maxSteps": 2, "a b/c": true, long: "x".repeat(7000) });
  await made.logMetrics([record(1), record(2)], "metrics");
  await made.logMetrics([record(null, "system/cpu_percent", 50, 5)], "system");
  await made.logText({ tag: "sample", step: 10, text: "ü", timestamp: RUN.createdAt });
  await made.logText({ tag: "completion", step: null, text: "end", timestamp: RUN.createdAt });
  await made.logArtifact({ path: join(runDirectory, "config.yaml"), name: "config.yaml" });
  await made.finish({ status: "interrupted", timestamp: "2026-11-20T23:20:00.000Z" });
  await made.close();
  const [run] = server.runs;
  expect(run!.info).toMatchObject({
    run_name: "run-1",
    status: "KILLED",
    start_time: Date.parse(RUN.createdAt),
    end_time: Date.parse("2026-11-20T23:20:00.000Z"),
  });
  expect(Object.fromEntries(run!.tags)).toMatchObject({
    "mlflow.source.git.commit": "abc",
    "mlflow.source.name": "codex train",
  });
  expect([...run!.params]).toEqual([
    ["training.maxSteps", "2"],
    ["a b/c", "true"],
    ["long", `${"x".repeat(5997)}...`],
  ]);
  expect(run!.metrics).toEqual([
    { key: "train/loss", value: 1 / 2, timestamp: TIME + 1, step: 1 },
    { key: "train/loss", value: 1 / 3, timestamp: TIME + 2, step: 2 },
    { key: "system/cpu_percent", value: 50, timestamp: TIME + 5, step: 0 },
  ]);
  expect([...server.files]).toEqual([
    ["1/run1/artifacts/samples/step-00000010.txt", "ü"],
    ["1/run1/artifacts/completion.txt", "end"],
    ["1/run1/artifacts/config.yaml", "seed: 1\n"],
  ]);
  expect([...server.experiments.keys()]).toEqual(["codex"]);
});

test("another process finds the run again, and gives it what it has not got", async () => {
  const first = await started();
  await first.made.logParams({ a: 1, b: 2 });
  await first.made.logMetrics([record(1), record(2)], "metrics");
  const system = [1, 2, 3, 4].map((ms) => record(5 - ms, "system/x", ms, ms)); // steps go back, time does not
  await first.made.logMetrics(system, "system");
  await first.made.finish({ status: "failed", timestamp: "2026-11-20T23:20:00.000Z" });
  await first.made.close();
  const second = await started({ resumed: true });
  expect(server.runs[0]!.info.status).toBe("RUNNING");
  await second.made.logParams({ a: 1, b: 3, c: 4 });
  await second.made.logMetrics([record(1, "loss", 9, 900), record(2), record(3)], "metrics");
  await second.made.logMetrics([...system, record(9, "system/x", 5, 5)], "system");
  expect(server.runs).toHaveLength(1);
  expect(server.state.duplicates).toBe(0);
  const steps = (key: string) => server.runs[0]!.metrics.filter((metric) => metric.key === key).map(({ step }) => step);
  expect(steps("train/loss")).toEqual([1, 2, 3]);
  expect(steps("system/x")).toEqual([4, 3, 2, 1, 9]);
  expect([...server.runs[0]!.params]).toEqual([
    ["a", "1"],
    ["b", "2"],
    ["c", "4"],
  ]);
  expect(second.notices).toEqual([expect.stringMatching(/cannot be changed there, and stay as they were: b$/)]);
});

test.each(["takes it and drops the answer", "drops the request"] as const)(
  "a batch of which the server %s arrives once",
  async (behaviour) => {
    const { made } = await started();
    const records = Array.from({ length: 2500 }, (_, index) => record(index));
    Object.assign(server.state, { behaviour, only: "log-batch" });
    await expect(made.logMetrics(records, "metrics")).rejects.toMatchObject({ code: "LOGGING_TRACKER_UNREACHABLE" });
    await expect(made.logMetrics(records, "metrics")).rejects.toMatchObject({ code: "LOGGING_TRACKER_UNREACHABLE" });
    server.state.behaviour = "answers";
    await made.logMetrics(records, "metrics");
    expect(server.state.duplicates).toBe(0);
    expect(server.runs[0]!.metrics.map(({ step }) => step)).toEqual(records.map(({ step }) => step));
  },
);

test("a server that is away is told once and gets everything later, each number once", async () => {
  const runDirectory = temporaryFolder();
  await writeRunManifest(runDirectory, sampleManifest("run-1"));
  const log = await openMetricLog(runDirectory, { runId: "run-1", csv: false });
  for (let step = 1; step <= 1500; step++) await log.metric({ step, split: "train", metric: "loss", value: 1 / step });
  await log.close();
  const feed = async (uri: string, ms: number) => {
    const context = { runId: "run-1", runDirectory, stateDirectory: "", mode: "live", onNotice: () => {} } as const;
    const trackers = new Map([["mlflow", mlflow.create({ uri }, context)]]);
    const [result] = await (await openTrackerFeed({ runDirectory, trackers, params: { a: 1 }, attempts: 1 })).finish(
      ms,
    );
    return result!;
  };
  const away = await feed("http://127.0.0.1:9", 5000);
  expect(away).toMatchObject({ complete: false, left: 1500 });
  expect(String(away.error)).toContain("no answer from MLflow");
  Object.assign(server.state, { behaviour: "hangs", only: "log-batch" });
  expect(await feed(server.uri, 300)).toMatchObject({ complete: false, left: 1500 }); // and the hanging call was ended
  Object.assign(server.state, { behaviour: "takes it and drops the answer" });
  expect(await feed(server.uri, 5000)).toMatchObject({ complete: false });
  server.state.behaviour = "answers";
  expect(await feed(server.uri, 30_000)).toMatchObject({ complete: true, left: 0, error: undefined });
  expect(server.runs).toHaveLength(1);
  expect(server.runs[0]!.metrics.map(({ step, value }) => [step, value])).toEqual(
    Array.from({ length: 1500 }, (_, index) => [index + 1, 1 / (index + 1)]),
  );
});

test("a restart makes the run anew; a resumed run that is not there is an error that says what to do", async () => {
  await started();
  const again = await started({ restarted: true });
  await again.made.logMetrics([record(1)], "metrics");
  expect(server.runs.map(({ deleted }) => deleted)).toEqual([true, false]);
  server.runs[1]!.deleted = true;
  await expect(started({ resumed: true })).rejects.toThrow(/run-1 --to mlflow --restart/);
  await started({ createdAt: "2026-11-20T23:15:04.000Z" }); // another run of that name
  expect(server.runs).toHaveLength(3);
});

test("a replay of a run that was killed says so", async () => {
  const { made, runDirectory } = await tracker({ uri: server.uri }, "replay");
  await made.start({ ...RUN, directory: runDirectory });
  expect(server.runs[0]!.info.status).toBe("KILLED");
});

test("a place for files that cannot be reached is told once", async () => {
  server.state.artifactRoot = "s3://bucket/";
  const { made, notices } = await started();
  for (const step of [1, 2]) await made.logText({ tag: "sample", step, text: "x", timestamp: RUN.createdAt });
  expect(notices).toEqual([expect.stringMatching(/s3:\/\/bucket.*--serve-artifacts/)]);
});

test("a folder has the layout of MLflow's file store, and a torn line of it is written again", async () => {
  const folder = join(temporaryFolder(), "mlruns");
  const { made } = await tracker({ uri: `file:${folder}`, experiment: "a: b" });
  await made.start(RUN);
  await made.logParams({ "training.maxSteps": 2 });
  await made.logMetrics([record(1), record(2, "loss", 1e-7)], "metrics");
  await made.close();
  const [experiment] = readdirSync(folder);
  expect(experiment).toMatch(/^\d{18}$/);
  expect(readFileSync(join(folder, experiment!, "meta.yaml"), "utf8")).toContain('name: "a: b"\n');
  const run = join(
    folder,
    experiment!,
    readdirSync(join(folder, experiment!)).find((name) => /^[0-9a-f]{32}$/.test(name))!,
  );
  const path = join(run, "metrics", "train", "loss");
  const whole = `${TIME + 1} 0.5 1\n${TIME + 2} 1e-7 2\n`;
  expect(readFileSync(path, "utf8")).toBe(whole);
  expect(readFileSync(join(run, "params", "training.maxSteps"), "utf8")).toBe("2");
  truncateSync(path, whole.length - 4);
  const second = await tracker({ uri: folder, experiment: "a: b" });
  await second.made.start({ ...RUN, resumed: true });
  await second.made.logParams({ "training.maxSteps": 2 });
  await second.made.logMetrics([record(1), record(2, "loss", 1e-7), record(3)], "metrics");
  await second.made.finish({ status: "completed", timestamp: "2026-11-20T23:20:00.000Z" });
  await second.made.close();
  expect(second.notices).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe(`${whole}${TIME + 3} 0.25 3\n`);
  expect(readFileSync(join(run, "meta.yaml"), "utf8")).toMatch(/^end_time: 1795216800000$[\s\S]*^status: 3$/m);
});

describe("the address", () => {
  const at = (options: object, environment: Record<string, string> = {}) => resolveMlflowTarget(options, environment);
  test("comes from the options, then from the environment, then is a folder", () => {
    expect(at({ uri: "http://localhost:5000/" }, { MLFLOW_TRACKING_URI: "x" })).toMatchObject({
      address: "http://localhost:5000",
    });
    expect(at({}, { MLFLOW_TRACKING_URI: "http://[::1]:1", MLFLOW_EXPERIMENT: "e" }).shown).toBe(
      "http://[::1]:1, experiment e (MLFLOW_TRACKING_URI)",
    );
    expect(at({})).toMatchObject({ kind: "folder", folder: join(process.cwd(), "mlruns"), experiment: "codex" });
    expect(at({ uri: "file:///a%20b" })).toMatchObject({ folder: "/a b" });
    expect(at({ uri: "file:./c" })).toMatchObject({ folder: join(process.cwd(), "c") });
    const names = { MLFLOW_EXPERIMENT_NAME: "n", MLFLOW_EXPERIMENT: "e" };
    expect([at({}, names).experiment, at({ experiment: "o" }, names).experiment]).toEqual(["n", "o"]);
  });

  test.each(["http://example.com", "https://10.0.0.1:5000", "http://127.0.0.1.example.com", "http://127.1.evil.test"])(
    "%s is used only where that was asked for",
    (uri) => {
      expect(() => at({ uri })).toThrow(/asked for .*used none: it is not on this machine/);
      expect(at({ uri, allowRemote: true })).toMatchObject({ kind: "server" });
    },
  );

  test.each(["sqlite:///mlflow.db", "databricks://x", "file://other-host/x", "postgresql://me:hidden-word@h/db"])(
    "%s is refused",
    (uri) => {
      expect(() => at({ uri })).toThrow(expect.objectContaining({ code: "LOGGING_TRACKER_ADDRESS" }));
      expect(() => at({ uri })).not.toThrow(/hidden-word/);
    },
  );

  test("secrets come from the environment and are in no text", async () => {
    expect(() => at({ uri: "http://me:hidden-word@127.0.0.1:1" })).toThrow(
      expect.objectContaining({ help: expect.stringContaining("MLFLOW_TRACKING_PASSWORD") }),
    );
    expect(() => at({ uri: "http://me:hidden-word@127.0.0.1:1" })).not.toThrow(/hidden-word|me:/);
    const inside = at({}, { MLFLOW_TRACKING_URI: "http://me:hidden-word@127.0.0.1:1" });
    expect(inside).toMatchObject({ authorization: `Basic ${btoa("me:hidden-word")}`, address: "http://127.0.0.1:1" });
    expect(inside.shown).not.toContain("hidden-word");
    expect(at({ uri: "http://127.0.0.1" }, { MLFLOW_TRACKING_TOKEN: "t0" })).toMatchObject({
      authorization: "Bearer t0",
    });
    process.env["MLFLOW_TRACKING_TOKEN"] = "t1";
    try {
      await started();
    } finally {
      delete process.env["MLFLOW_TRACKING_TOKEN"];
    }
    expect(new Set(server.headers.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer t1"]));
  });
});

test("names, values and batches are what MLflow takes", () => {
  const names = ["a", "a=b", "../x", "/x", "a//b", "", ".", "ü n", "x".repeat(300), "a/", "a/../b", "..", "\0"].map(
    mlflowName,
  );
  for (const name of names) expect(name).toMatch(/^(?![/])(?!.*(\/\/|\.\.\/|\/$))[\p{L}\p{N}_/. :-]{1,250}$/u);
  const params = keyValues(
    Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`k${i}`, "\u0001".repeat(6000)])),
    6000,
  );
  const batches = [...paramBatches(params)];
  expect(batches.flatMap((batch) => batch.params)).toEqual(params);
  for (const batch of batches) {
    expect(batch.params.length).toBeLessThanOrEqual(100);
    expect(JSON.stringify(batch).length).toBeLessThan(1_000_000);
  }
});
