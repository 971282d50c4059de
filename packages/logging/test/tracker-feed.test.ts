import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type FeedNotice,
  type FeedOptions,
  openEventLog,
  openMetricLog,
  openTrackerFeed,
  readTrackerProgress,
  type Tracker,
  writeRunManifest,
} from "@codex/logging";
import { sampleManifest } from "./sample-manifest.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const FEED_CHILD = fileURLToPath(new URL("tracker-feed.child.ts", import.meta.url));
const RUN = { runId: "run-1" };

async function newRun(): Promise<string> {
  const directory = temporaryFolder();
  await writeRunManifest(directory, sampleManifest("run-1"));
  return directory;
}

async function addSteps(directory: string, steps: readonly number[], options: { resumeAtStep?: number } = {}) {
  await using log = await openMetricLog(directory, { ...RUN, ...options });
  for (const step of steps) await log.metric({ step, split: "train", metric: "loss", value: 1 / step });
}

async function addEvent(directory: string, event: string, data: Record<string, unknown> = {}) {
  await using log = await openEventLog(join(directory, "events.ndjson"), RUN);
  await log.log(event, data);
}

/** Keeps what it is given; `before` may fail or wait. */
function memory(before: (call: string) => void | Promise<void> = () => {}) {
  const steps: (number | null)[] = [];
  const texts: string[] = [];
  const calls: string[] = [];
  const note = async (call: string): Promise<void> => {
    await before(call);
    calls.push(call);
  };
  const tracker: Tracker = {
    destination: "memory",
    start: ({ resumed, restarted }) => note(`start${resumed ? " resumed" : ""}${restarted ? " restarted" : ""}`),
    logParams: (params) => note(`params ${JSON.stringify(params)}`),
    async logMetrics(records, source) {
      await note(source);
      steps.push(...records.map(({ step }) => step));
    },
    async logText({ tag, text }) {
      await note(tag);
      texts.push(text);
    },
    logArtifact: ({ name }) => note(name),
    finish: ({ status }) => note(status),
    close: async () => void calls.push("close"),
  };
  return { tracker, steps, texts, calls };
}

function feedOf(runDirectory: string, trackers: Record<string, Tracker>, options: Partial<FeedOptions> = {}) {
  const notices: FeedNotice[] = [];
  const feed = openTrackerFeed({
    runDirectory,
    trackers: new Map(Object.entries(trackers)),
    params: {},
    intervalMs: 2,
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  return { feed, notices };
}

/** A process that has nothing else to do: a first call that fails, then all of a run. */
function childWithFeed(directory: string): Promise<{ exitCode: number | null; out: string }> {
  const child = spawn(
    process.execPath,
    ["--conditions=@codex/source", "--import", "./tools/jest/register-typescript.mjs", FEED_CHILD, directory],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  return new Promise((resolve) => child.on("close", (exitCode) => resolve({ exitCode, out })));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test("a run that is followed: lines arrive while it goes on, and its end once", async () => {
  const directory = await newRun();
  const { tracker, steps, texts, calls } = memory();
  const feed = await feedOf(
    directory,
    { memory: tracker },
    { params: { seed: 1, "tracking.apiKey": "hunter2hunter2" } },
  ).feed;
  await addEvent(directory, "run.started");
  await addSteps(directory, [1, 2]);
  await until(() => steps.length === 2);
  await addEvent(directory, "training.sample", { step: 2, text: "once upon" });
  await until(() => texts.length === 1);
  await addSteps(directory, [3]);
  await addEvent(directory, "run.finished", { status: "completed", step: 3, completion: "a time" });
  expect(await feed.finish()).toEqual([{ tracker: "memory", complete: true, left: 0, error: undefined }]);
  expect([steps, texts]).toEqual([
    [1, 2, 3],
    ["once upon", "a time"],
  ]);
  expect(calls.filter((call) => call !== "metrics")).toEqual([
    ...["start", 'params {"seed":1,"tracking.apiKey":"[REDACTED]"}', "manifest.json", "sample", "completion"],
    ...["metrics.ndjson", "events.ndjson", "completed", "close"],
  ]);
  expect(await readTrackerProgress(directory, "memory")).toEqual({ left: 0, finished: true });
  expect(await readTrackerProgress(directory, "other")).toEqual({ left: 6, finished: false });
});

test("a tracker that fails is told once, gets everything once when it recovers, and holds up nobody", async () => {
  const directory = await newRun();
  let broken = true;
  const bad = memory((call) => {
    if (broken && call === "metrics") throw new Error("server is gone");
  });
  const good = memory();
  const { feed, notices } = feedOf(directory, { bad: bad.tracker, good: good.tracker });
  const running = await feed;
  await addSteps(directory, [1, 2, 3]);
  await until(() => good.steps.length === 3);
  await until(() => notices.length === 1);
  broken = false;
  await addEvent(directory, "run.finished", { status: "completed" });
  expect((await running.finish()).every(({ complete }) => complete)).toBe(true);
  expect(bad.steps).toEqual([1, 2, 3]);
  expect(bad.calls.filter((call) => call === "start")).toHaveLength(1);
  expect(notices.map(({ kind }) => kind)).toEqual(["failed", "recovered"]);
  expect(notices[0]!.message).toMatch(/^bad \(memory\): server is gone\. /);
});

test("one that hangs is left behind, and a replay sends what it lacks", async () => {
  const directory = await newRun();
  const hanging = memory((call) => (call === "metrics" ? new Promise<void>(() => {}) : undefined));
  const { feed, notices } = feedOf(directory, { slow: hanging.tracker });
  await addSteps(directory, [1, 2]);
  await addEvent(directory, "run.finished", { status: "interrupted" });
  expect(await (await feed).finish(20)).toEqual([{ tracker: "slow", complete: false, left: 3, error: undefined }]);
  expect(notices.map(({ kind }) => kind)).toEqual(["behind"]);
  expect(notices[0]!.message).toContain(`codex runs replay ${directory} --to slow`);
  expect(hanging.calls.at(-1)).toBe("close");
  expect(await readTrackerProgress(directory, "slow")).toEqual({ left: 3, finished: false });

  const again = memory();
  expect(await (await feedOf(directory, { slow: again.tracker }).feed).finish()).toMatchObject([{ complete: true }]);
  expect([again.steps, again.calls[0], again.calls.at(-2)]).toEqual([[1, 2], "start resumed", "interrupted"]);
});

test("one that never works is given up after the attempts of a replay", async () => {
  const directory = await newRun();
  await addSteps(directory, [1]);
  const bad = memory(() => {
    throw new Error("refused");
  });
  const { feed } = feedOf(directory, { bad: bad.tracker }, { attempts: 2 });
  const [result] = await (await feed).finish(Number.POSITIVE_INFINITY);
  expect(result).toMatchObject({ complete: false, left: 1, error: new Error("refused") });
});

test("steps that come again after a resume are not sent twice", async () => {
  const directory = await newRun();
  const first = memory();
  const feed = await feedOf(directory, { memory: first.tracker }).feed;
  await addSteps(directory, [1, 2, 3, 4]);
  await until(() => first.steps.length === 4);
  await feed[Symbol.asyncDispose](); // as after a kill: no end was told

  await addSteps(directory, [3, 4, 5], { resumeAtStep: 2 });
  const second = memory();
  await addEvent(directory, "run.finished", { status: "completed" });
  await (await feedOf(directory, { memory: second.tracker }).feed).finish();
  expect([first.steps, second.steps]).toEqual([[1, 2, 3, 4], [5]]);
  expect(second.calls[0]).toBe("start resumed");

  const third = memory();
  await (await feedOf(directory, { memory: third.tracker }).feed).finish();
  expect(third.calls).toEqual(["start resumed", "close"]);
  const all = memory();
  await (await feedOf(directory, { memory: all.tracker }, { restart: true }).feed).finish();
  expect([all.steps, all.calls[0]]).toEqual([[1, 2, 3, 4, 5], "start restarted"]);
});

test("system metrics go by their time: one step has many, and a resumed run goes on with new ones", async () => {
  const directory = await newRun();
  const line = (step: number, second: number) =>
    `${JSON.stringify({ schema_version: 1, run_id: "run-1", timestamp: new Date(second * 1000).toISOString(), step, split: "train", metric: "cpu_percent", value: second, dataset: null, tags: {} })}\n`;
  writeFileSync(join(directory, "system.ndjson"), line(5, 1) + line(5, 2));
  const { tracker, steps } = memory();
  const feed = await feedOf(directory, { memory: tracker }).feed;
  await until(() => steps.length === 2);
  writeFileSync(join(directory, "system.ndjson"), line(5, 1) + line(5, 2) + line(3, 3));
  await feed.finish();
  expect(steps).toEqual([5, 5, 3]);
});

test("lines that are no records are left out and told, and a line that is being written waits", async () => {
  const directory = await newRun();
  await addSteps(directory, [1]);
  const path = join(directory, "metrics.ndjson");
  const [whole] = readFileSync(path, "utf8").split("\n") as [string];
  const second = whole.replace('"step":1', '"step":2');
  writeFileSync(path, `${whole}\nnonsense\n{"schema_version":1}\n${second.slice(0, 30)}`);
  const { tracker, steps } = memory();
  const { feed, notices } = feedOf(directory, { memory: tracker });
  const running = await feed;
  await until(() => steps.length === 1);
  writeFileSync(path, `${whole}\nnonsense\n{"schema_version":1}\n${second}\n`);
  await until(() => steps.length === 2);
  await running.finish();
  expect(notices.map(({ kind, message }) => [kind, message])).toEqual([
    ["skipped", `memory: ${path}: 2 lines are no records and were left out`],
  ]);
});

test("a cursor that is not whole, or of another file, sends from the start what its series do not know", async () => {
  const directory = await newRun();
  await addSteps(directory, [1, 2]);
  const send = async () => {
    const { tracker, steps } = memory();
    await (await feedOf(directory, { memory: tracker }).feed).finish();
    return steps;
  };
  expect(await send()).toEqual([1, 2]);
  const path = join(directory, "metrics.ndjson");
  writeFileSync(path, readFileSync(path, "utf8").replaceAll("Z", "z")); // other bytes, the same steps
  expect(await send()).toEqual([]);
  writeFileSync(join(directory, "trackers/memory.json"), '{"schema_version":1,"sour');
  expect(await send()).toEqual([1, 2]);
});

test("a state that cannot be written switches the tracker off, not the run", async () => {
  const directory = await newRun();
  mkdirSync(join(directory, "trackers/memory.json"), { recursive: true });
  const { tracker, calls } = memory();
  const { feed, notices } = feedOf(directory, { memory: tracker });
  expect(await (await feed).finish()).toEqual([]);
  expect(notices).toMatchObject([{ tracker: "memory", kind: "failed" }]);
  expect(calls).toEqual(["close"]);
});

test("a process that only waits for the end of a feed lives until it comes", async () => {
  const directory = await newRun();
  await addSteps(directory, [1]);
  await addEvent(directory, "run.finished", { status: "completed" });
  const { exitCode, out } = await childWithFeed(directory);
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: "refused\ncompleted\ntrue\n" });
});
