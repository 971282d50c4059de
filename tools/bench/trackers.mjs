/**
 * What trackers cost a training step of configuration A: processor time of the process (all threads) with and without the feed, in turns
 * within one run. Both write the run's own records; only the feed and its trackers come and go.
 *
 *   node tools/bench/trackers.mjs [--pairs 10] [--steps 400] [--alone]
 *
 * With `--alone` nothing is computed: a step is a pause of 20 ms and its records, so that the small difference stands out of less.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  collectRunManifest,
  openMetricLog,
  openTrackerFeed,
  trackerStateDirectory,
  writeRunManifest,
} from "@codex/logging";
import { prometheus } from "@codex/logging/prometheus";
import { tensorboard } from "@codex/logging/tensorboard";
import { wandb } from "@codex/logging/wandb";
import { selectDevice } from "@codex/tensor";
import { trainSteps } from "./training.mjs";

const { values } = parseArgs({
  options: { pairs: { type: "string" }, steps: { type: "string" }, alone: { type: "boolean" } },
});
const pairs = Number(values.pairs ?? 10);
const windowSteps = Number(values.steps ?? 400);
const SETTLE_STEPS = 50;

const runId = "bench";
const runDirectory = mkdtempSync(join(tmpdir(), "codex-bench-trackers-"));
writeFileSync(join(runDirectory, "config.yaml"), "seed: 1337\n");
await writeRunManifest(runDirectory, await collectRunManifest({ runId, seeds: {}, data: [] }));
const log = await openMetricLog(runDirectory, { runId, patience: { onNotice: console.error } });

async function openFeed() {
  const trackers = new Map();
  for (const [name, entry] of Object.entries({ tensorboard, wandb, prometheus })) {
    const context = { runId, runDirectory, stateDirectory: trackerStateDirectory(runDirectory, name), mode: "live" };
    const options = name === "prometheus" ? { port: 0 } : {};
    trackers.set(name, await entry.create(options, { ...context, onNotice: console.error }));
  }
  const onNotice = ({ message }) => console.error(message);
  return openTrackerFeed({ runDirectory, trackers, params: { "training.maxSteps": 1 }, onNotice });
}

const microseconds = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const milliseconds = { with: [], without: [] };
let feed;
let mark;
let changing = Promise.resolve();
let step = 0;
let tokens = 0;
let windows = 0;
let place = 0;

/** At the end of a window: what was given to the trackers is theirs, and counts for the window. */
async function turn() {
  if (feed !== undefined) await feed.finish(60_000);
  const used = (microseconds() - mark.cpu) / 1000 / (step - mark.step);
  (feed === undefined ? milliseconds.without : milliseconds.with).push(used);
  windows += 1;
  feed = windows % 2 === 1 ? await openFeed() : undefined;
  place = 0;
  mark = undefined;
}

const abort = new AbortController();
function onStep({ lossNats, learningRate, gradientNorm, tokens: added, stepTimeMs }) {
  step += 1;
  tokens += added;
  const own = { loss: lossNats, learning_rate: learningRate, gradient_norm: gradientNorm, tokens_seen: tokens };
  const measured = { ...own, tokens_per_second: (1000 * added) / stepTimeMs, step_time_ms: stepTimeMs };
  for (const [metric, value] of Object.entries(measured)) void log.metric({ step, split: "train", metric, value });
  place += 1;
  if (place === SETTLE_STEPS) mark = { cpu: microseconds(), step };
  if (place === SETTLE_STEPS + windowSteps) changing = turn();
  if (windows >= 2 * pairs + 1) abort.abort();
}

if (values.alone) {
  while (!abort.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    onStep({
      lossNats: 1 / (step + 1),
      learningRate: 1e-3,
      gradientNorm: 0.1 + 1 / (step + 3),
      tokens: 768,
      stepTimeMs: 20,
    });
  }
} else {
  await selectDevice("engine");
  await trainSteps("A", { maxSteps: 1e6, signal: abort.signal, onStep });
}
await changing;
await feed?.finish(60_000);
await log.close();
rmSync(runDirectory, { recursive: true });

// The first window warms up.
const differences = milliseconds.with.map((used, index) => {
  const around = [milliseconds.without[index], milliseconds.without[index + 1] ?? milliseconds.without[index]];
  return used - (around[0] + around[1]) / 2;
});
const round = (value) => Math.round(1000 * value) / 1000;
console.log(
  JSON.stringify({
    trackers: ["tensorboard", "wandb", "prometheus"],
    stepsPerWindow: windowSteps,
    pairs: differences.length,
    withoutMs: round(median(milliseconds.without)),
    withMs: round(median(milliseconds.with)),
    differenceMs: round(median(differences)),
    differences: differences.map(round),
  }),
);
