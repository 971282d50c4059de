import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codex, contentsOf, project, projectWithPlugin, startCodex } from "./harness.ts";

const TRAIN = [
  "train",
  "--config",
  "tiny.yaml",
  "--json",
  "training.checkpointEverySteps=0",
  "training.maxSteps=100000",
];
const isStep = (line: string) => line.includes('"type":"step"');

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("%s saves once and exits with %d; the run goes on from there", async (signal, exitCode) => {
  const directory = project();
  const child = startCodex(directory, TRAIN);
  await child.line(isStep);
  child.process.kill(signal);
  const { out, err, ...end } = await child.finished;
  expect(end).toEqual({ exitCode, signal: null });
  expect(err).toContain(`${signal}: saving and stopping; a second one stops at once`);
  const events = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const saved = events.filter(({ type }) => type === "checkpoint");
  const outcome = events.at(-1);
  expect(outcome).toMatchObject({ type: "outcome", stopReason: "signal", checkpoint: saved[0].path });
  expect(saved.map(({ step }) => step)).toEqual([outcome.step]);
  expect(readdirSync(join(directory, "runs/run/checkpoints")).filter((name) => name.startsWith("step-"))).toHaveLength(
    1,
  );
  expect(readFileSync(join(directory, "runs/run/events.ndjson"), "utf8")).toContain('"status":"interrupted"');
  const more = ["--allow-drift", `training.maxSteps=${outcome.step + 1}`];
  const resumed = await codex(directory, "resume", "runs/run", ...more);
  expect(resumed).toMatchObject({ exitCode: 0 });
  expect(resumed.err).toContain(`going on from step ${outcome.step} of ${outcome.step + 1}`);
});

test("a second signal ends the process at once, where the first one does not end the loop", async () => {
  const code = `export const slow = { configSchema: { type: "object" }, create: () => ({ onEvent }) => {
    onEvent({ type: "step", step: 1 }); return new Promise((resolve) => setTimeout(resolve, 600_000)); } };`;
  const directory = projectWithPlugin({ trainers: { slow: "./index.js#slow" } }, code);
  const child = startCodex(directory, [...TRAIN, "training.trainer=slow"]);
  await child.line(isStep);
  child.process.kill("SIGTERM");
  await child.errorLine((line) => line.startsWith("SIGTERM: "));
  child.process.kill("SIGINT");
  expect(await child.finished).toMatchObject({ exitCode: 130, signal: null });
  expect(existsSync(join(directory, "runs/run/checkpoints"))).toBe(false);
});

test("a signal before there is a run leaves none, and has its exit code", async () => {
  const code = `export const slow = { configSchema: { type: "object" }, create: () => ({
    settings: {}, inputs: async () => [],
    async *documents() { for (let i = 0; ; i++) { yield { id: String(i), text: "text " + i, origin: "x" }; await new Promise((resolve) => setTimeout(resolve, 5)); } } }) };`;
  const directory = projectWithPlugin({ datasets: { slow: "./index.js#slow" } }, code);
  const before = contentsOf(directory);
  const child = startCodex(directory, [...TRAIN, "data.name=slow", "~data.path", "data.split.kind=hash"]);
  await child.line((line) => line.includes('"stage":"tokenizer"'));
  child.process.kill("SIGTERM");
  const { exitCode, err } = await child.finished;
  expect({ exitCode, err }).toEqual({
    exitCode: 143,
    err: "\nSIGTERM: saving and stopping; a second one stops at once\nstopped; nothing was left half-done\n",
  });
  expect(contentsOf(directory)).toEqual(before);
});
