/** A small run of the real command, for the readers of other tools. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../setup.mjs";

const codex = join(repository, "apps", "cli", "bin", "codex.js");

const CONFIGURATION = `defaults:
  - /config
  - override /data: text
  - override /tokenizer: byte
  - _self_
data: { path: train.txt, sequenceLength: 8, split: { kind: contiguous, validation: 0.05 } }
model: { hiddenSize: 8, intermediateSize: 12, numHiddenLayers: 1, numAttentionHeads: 2, numKeyValueHeads: 1 }
training: { maxSteps: 40, schedule: constant, batchSize: 2, warmupSteps: 2, evaluationEverySteps: 10, evaluationBatches: 2, checkpointEverySteps: 10, sampleEverySteps: 10 }
logging: { index: false, runId: run }
report: { prompt: "f", generation: { maxNewTokens: 4 } }
`;

/** What Node is started with for `codex <args>`. */
export function codexArguments(args) {
  return [codex, ...args];
}

/** A project folder. @returns its path */
export function project() {
  const directory = mkdtempSync(join(tmpdir(), "codex-trackers-"));
  writeFileSync(join(directory, "package.json"), "{}");
  writeFileSync(join(directory, "tiny.yaml"), CONFIGURATION);
  const text = Array.from({ length: 200 }, (_, i) => `function f${i % 7}(a) { return a + ${(i * 7) % 31}; }\n`);
  writeFileSync(join(directory, "train.txt"), text.join("\n"));
  return directory;
}

/**
 * `codex <args>` in a folder.
 * @param {(line: string) => boolean} [killAt] - the process is killed (SIGKILL) at the first line of its standard output that passes
 * @returns its exit code; null when it was killed
 */
export function run(directory, args, killAt) {
  const child = spawn(process.execPath, codexArguments(args), { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let [rest, err] = ["", ""];
    child.stdout.on("data", (chunk) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop();
      if (killAt !== undefined && lines.some(killAt)) child.kill("SIGKILL");
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 || code === null ? resolve(code) : reject(new Error(err))));
  });
}

/** The step of the newest checkpoint; a save that a kill cut short has another name. */
export function savedStep(directory) {
  const names = readdirSync(join(directory, "runs", "run", "checkpoints")).filter((name) => /^step-\d+$/.test(name));
  return Math.max(...names.map((name) => Number(name.slice(5))));
}

/** The records of a run, as its own file has them. */
export function metricsOf(directory) {
  const path = join(directory, "runs", "run", "metrics.ndjson");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** `{ "train/loss": [[step, value], ...] }` */
export function seriesOf(records) {
  const series = {};
  for (const { split, metric, step, value } of records) {
    series[`${split}/${metric}`] ??= [];
    series[`${split}/${metric}`].push([step, value]);
  }
  return series;
}
