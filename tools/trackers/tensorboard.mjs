/** The real TensorBoard reads what Codex writes: its event accumulator, and the reader of its server (`--load_fast`). */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEventFile, histogramOf } from "@codex/logging/tensorboard";
import { pythonWith } from "./python.mjs";
import { metricsOf, project, run, savedStep, seriesOf } from "./training-run.mjs";

const reader = fileURLToPath(new URL("read_tensorboard.py", import.meta.url));

export async function checkTensorboard() {
  // setuptools 81 took away what TensorBoard's server imports.
  const environment = pythonWith("tensorboard", ["tensorboard==2.20.0", "setuptools==80.9.0"]);
  const read = (folder) => environment.python(reader, folder);
  await everyKind(read);
  const directory = project();
  try {
    await killedAndResumed(directory, read);
    await servedFast(directory, environment);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function everyKind(read) {
  const folder = mkdtempSync(join(tmpdir(), "codex-tensorboard-"));
  const wallTime = new Date(1_700_000_000_250);
  const values = [0.1, -1e30, 3, 1e-40, 12345678.9];
  const histogram = histogramOf(Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i)));
  const params = { learningRate: 3e-4, optimizer: "adamw", tied: true, "data.path": "ü.txt" };
  const file = await createEventFile(folder, { now: wallTime });
  values.forEach((value, index) => void file.scalar("loss", value, { step: index * 1000, wallTime }));
  file.histogram("weights", histogram, { step: 7, wallTime });
  file.text("sample", "# naïve ✓\n\n日本", { step: 3, wallTime });
  file.hparams(params, { startTime: wallTime });
  file.hparamsEnd("failure", wallTime);
  await file.flush(); // read while it is open
  const found = read(folder);
  await file.close();
  deepStrictEqual(
    found.scalars,
    { loss: values.map((value, index) => [index * 1000, Math.fround(value), 1_700_000_000.25]) },
    "scalars",
  );
  const { bucketLimits, bucketCounts, ...rest } = histogram;
  const lists = { bucketLimits: [...bucketLimits], bucketCounts: [...bucketCounts] };
  deepStrictEqual(found.histograms, { weights: [{ step: 7, ...rest, ...lists }] }, "histograms");
  deepStrictEqual(found.texts, { sample: [[3, ["# naïve ✓\n\n日本"]]] }, "texts");
  deepStrictEqual(found.hparams["_hparams_/session_start_info"].session_start_info.hparams, params, "hparams");
  strictEqual(found.hparams["_hparams_/session_end_info"].session_end_info.status, "STATUS_FAILURE");
  rmSync(folder, { recursive: true });
  console.error("  scalars, histograms, text and hparams are read back with equal values");
}

async function killedAndResumed(directory, read) {
  const folder = join(directory, "runs", "run", "tensorboard");
  const long = ["training.maxSteps=100000", "tracking=tensorboard"];
  let during;
  await run(directory, ["train", "--config", "tiny.yaml", "--json", ...long], () => {
    if (during === undefined && bytesIn(folder) > 20_000) during = read(folder);
    return bytesIn(folder) > 60_000;
  });
  assertPrefix(during.scalars, seriesOf(metricsOf(directory)), "while the run goes on");
  // A kill in the middle of a write leaves a record that is not whole; TensorBoard waits for its rest.
  const [name] = readdirSync(folder);
  const killed = read(folder);
  assertPrefix(killed.scalars, seriesOf(metricsOf(directory)), "after a kill");
  truncateSync(join(folder, name), bytesIn(folder) - 5);
  const torn = read(folder);
  ok(torn.scalars["train/loss"].length >= killed.scalars["train/loss"].length - 1, "a torn record");

  const last = savedStep(directory);
  const more = ["resume", "runs/run", "--allow-drift", `training.maxSteps=${last + 30}`];
  strictEqual(await run(directory, more), 0);
  const whole = read(folder);
  const own = seriesOf(metricsOf(directory));
  for (const [tag, series] of Object.entries(own)) {
    if (/per_second|time_ms/.test(tag)) continue; // steps that came again took another time
    const found = new Map(whole.scalars[tag].map(([step, value]) => [step, value]));
    const missing = series.filter(([step]) => !found.has(step)).map(([step]) => step);
    ok(missing.length <= 1, `${tag}: steps ${missing} are missing`); // the one whose record was cut above
    for (const [step, value] of series)
      if (found.has(step)) strictEqual(found.get(step), Math.fround(value), `${tag} ${step}`);
  }
  ok(whole.texts.sample.length > 0, "samples");
  strictEqual(whole.hparams["_hparams_/session_end_info"].session_end_info.status, "STATUS_SUCCESS");
  console.error(`  a run of ${last + 30} steps that was killed and resumed is read back with equal values`);
}

function bytesIn(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** What was read is the beginning of what the run has, and some of it. */
function assertPrefix(scalars, own, when) {
  ok((scalars["train/loss"]?.length ?? 0) > 0, `${when}: there are scalars`);
  for (const [tag, series] of Object.entries(scalars)) {
    const expected = own[tag].slice(0, series.length).map(([step, value]) => [step, Math.fround(value)]);
    deepStrictEqual(
      series.map(([step, value]) => [step, value]),
      expected,
      `${when}: ${tag}`,
    );
  }
}

async function servedFast(directory, { env }) {
  const port = await freePort();
  const args = ["-m", "tensorboard.main", "--load_fast=true", "--host=127.0.0.1", `--port=${port}`];
  const child = spawn("python3", [...args, `--logdir=${join(directory, "runs")}`], { env, stdio: "ignore" });
  try {
    const address = `http://127.0.0.1:${port}/data/plugin/scalars/scalars?tag=train%2Floss&run=run%2Ftensorboard`;
    const served = await poll(address, (points) => points.length > 30);
    const own = new Map(seriesOf(metricsOf(directory))["train/loss"]);
    for (const [, step, value] of served) strictEqual(value, Math.fround(own.get(step)), `served: step ${step}`);
    console.error(`  ${served.length} points come from TensorBoard's server with equal values`);
  } finally {
    child.kill();
  }
}

async function poll(address, passes) {
  for (let attempt = 0; attempt < 240; attempt++) {
    const response = await fetch(address).catch(() => undefined);
    const value = response?.ok ? await response.json() : undefined;
    if (value !== undefined && passes(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`${address}: expected an answer in a minute`);
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
