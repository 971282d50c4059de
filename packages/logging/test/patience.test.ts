/** A disk that refuses costs a run nothing but memory, and its records are complete afterwards. */
import { openEventLog, openMetricLog, readMetrics } from "@codex/logging";
import { validateRunRecords } from "@codex/logging/validate";
import { listSegments, readSegments } from "@codex/storage";
import { interceptFs, MemoryFs } from "@codex/storage/testing";
import { temporaryFolder } from "./temporary-folder.ts";

type Refusal = "ENOSPC" | "EDQUOT" | "EROFS" | "EACCES" | "EIO";

function refusingFs() {
  const memory = new MemoryFs();
  const state: { refusal: Refusal | undefined; calls: number } = { refusal: undefined, calls: 0 };
  const fs = interceptFs(memory, ({ operation }) => {
    if (state.refusal === undefined || !["write", "fsync", "open"].includes(operation)) return undefined;
    state.calls++;
    return { error: state.refusal };
  });
  return { memory, fs, state };
}

async function textOf(fs: MemoryFs, path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text } of readSegments(path, { fs })) lines.push(text);
  return lines;
}

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
};

test.each<Refusal>(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO"])(
  "%s for a while: no call fails, it is told once and once when it is over, and both files are complete",
  async (refusal) => {
    const { memory, fs, state } = refusingFs();
    await memory.mkdir("/run");
    const notices: string[] = [];
    const patience = { onNotice: (message: string) => notices.push(message), retryDelayMs: 2 };
    const metrics = await openMetricLog("/run", { runId: "run-1", fs, patience });
    const events = await openEventLog("/run/events.ndjson", { runId: "run-1", fs, patience });
    const step = async (number: number) => {
      for (const metric of ["loss", "learning_rate"]) {
        await metrics.metric({ step: number, split: "train", metric, value: number });
      }
      await events.log("training.evaluation", { step: number });
    };
    await step(1);
    await metrics.sync();
    await events.sync();
    state.refusal = refusal;
    for (let number = 2; number <= 40; number++) {
      await step(number);
      if (number % 10 === 0) await metrics.sync(); // before a checkpoint
    }
    await until(() => state.calls > 12);
    expect(notices).toHaveLength(3); // one for each file
    expect(notices[0]).toContain("The run goes on");
    state.refusal = undefined;
    await until(() => notices.length === 6);
    expect(notices.slice(3)).toEqual(Array(3).fill(expect.stringContaining("the records are complete")));
    await step(41);
    await metrics.close();
    await events.close();
    expect(notices).toHaveLength(6);
    const steps = (await textOf(memory, "/run/metrics.ndjson")).map((line) => JSON.parse(line).step as number);
    expect(steps).toEqual(Array.from({ length: 82 }, (_, at) => 1 + (at >> 1)));
    expect((await textOf(memory, "/run/metrics.csv")).length).toBe(83);
    expect((await textOf(memory, "/run/events.ndjson")).length).toBe(41);
  },
);

test("a medium that never takes lines again: the end tells how many are lost, and does not hang", async () => {
  const { fs, memory, state } = refusingFs();
  await memory.mkdir("/run");
  const notices: string[] = [];
  const patience = { onNotice: (message: string) => notices.push(message), retryDelayMs: 2 };
  const metrics = await openMetricLog("/run", { runId: "run-1", csv: false, fs, patience });
  await metrics.metric({ step: 1, split: "train", metric: "loss", value: 1 });
  await metrics.sync();
  state.refusal = "ENOSPC";
  for (const step of [2, 3]) await metrics.metric({ step, split: "train", metric: "loss", value: 1 });
  await metrics.close();
  expect(notices.at(-1)).toMatch(/metrics\.ndjson: 2 lines are lost: .*ENOSPC/);
  expect((await textOf(memory, "/run/metrics.ndjson")).length).toBe(1);
});

test("memory has a bound: what is beyond it is lost, counted and told", async () => {
  const { fs, memory, state } = refusingFs();
  await memory.mkdir("/run");
  const notices: string[] = [];
  const patience = {
    onNotice: (message: string) => notices.push(message),
    retryDelayMs: 2,
    maxWaitingCharacters: 1000,
  };
  const events = await openEventLog("/run/events.ndjson", { runId: "run-1", fs, patience });
  state.refusal = "ENOSPC";
  for (let at = 0; at < 50; at++) {
    await events.log("one", { at });
    if (at === 0) await events.sync();
  }
  state.refusal = undefined;
  await until(() => notices.length === 2);
  const kept = (await textOf(memory, "/run/events.ndjson")).length;
  expect(kept).toBeGreaterThan(1);
  expect(notices[1]).toContain(`${50 - kept} lines were lost meanwhile`);
  await events.close();
});

test("what is wrong with a record is said at once, patient or not", async () => {
  const metrics = await openMetricLog(temporaryFolder(), { runId: "run-1", patience: { onNotice: () => {} } });
  const bad = metrics.metric({ step: 1, split: "train", metric: "loss", value: Number.NaN });
  await expect(bad).rejects.toMatchObject({ code: "LOGGING_RECORD_INVALID" });
  await metrics.close();
});

test("a log in segments reads as one, and a resumed run cuts it where one file would be cut", async () => {
  const directory = temporaryFolder();
  const write = async (from: number, to: number, resumeAtStep?: number) => {
    const resume = resumeAtStep === undefined ? {} : { resumeAtStep };
    await using log = await openMetricLog(directory, { runId: "run-1", maxSegmentBytes: 700, ...resume });
    for (let step = from; step <= to; step++) await log.metric({ step, split: "train", metric: "loss", value: step });
  };
  await write(1, 20);
  expect((await listSegments(`${directory}/metrics.ndjson`)).length).toBeGreaterThan(4);
  await write(8, 12, 7);
  const steps: (number | null)[] = [];
  for await (const { step } of readMetrics(`${directory}/metrics.ndjson`)) steps.push(step);
  expect(steps).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
  const { problems } = await validateRunRecords(directory);
  expect(problems.map(({ message }) => message)).toEqual(["expected the manifest of a run, there is no such file"]);
});
