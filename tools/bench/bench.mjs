/**
 * `npm run bench`: milliseconds per training step and tokens per second of three configurations, for each device present and for PyTorch, in one
 * run. The implementations take turns, so that a machine that slows down slows all of them; medians are printed.
 *
 *   npm run bench -- [--configurations A,B,C] [--implementations pytorch,wasm,...] [--rounds 3] [--budget 120] [--json FILE]
 *
 * PyTorch is measured when CODEX_BENCH_PYTHON (or python3) can import torch. TensorFlow is looked for in CODEX_BENCH_TENSORFLOW, a project in which
 * `codex doctor --setup-tensorflow` was run, or in this one.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { repository, run, setup } from "../setup.mjs";
import { CONFIGURATIONS, matmulFlop } from "./configurations.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const python = process.env.CODEX_BENCH_PYTHON ?? "python3";
const projectDirectory = process.env.CODEX_BENCH_TENSORFLOW ?? repository;
/** Warm-up and timed steps of one turn. */
const STEPS = { A: [5, 30], B: [1, 4], C: [1, 2] };

// OpenBLAS at the settings that its own detection would choose: some environments pin an old processor, which halves a peer's speed.
const { OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE, ...environment } = process.env;

/** Runs a child to its last line of JSON; says why when there is none. */
function measure(command, args, budgetSeconds) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...environment, TF_CPP_MIN_LOG_LEVEL: "2" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, budgetSeconds * 1000);
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", (error) => (errors += error.message));
    child.on("close", (code) => {
      clearTimeout(timer);
      if (late) return resolve({ reason: `did not finish within ${budgetSeconds} s` });
      if (code !== 0) {
        const lines = errors.trim().split("\n");
        return resolve({
          reason: (
            lines.find((line) => /^(\w*Error\b|\S+ aborted)/i.test(line.trim())) ??
            lines.at(-1) ??
            `exit code ${code}`
          )
            .trim()
            .slice(0, 160),
        });
      }
      resolve(JSON.parse(output.trim().split("\n").at(-1)));
    });
  });
}

function processorPeak() {
  const folder = join(repository, ".cache", "bench");
  mkdirSync(folder, { recursive: true });
  const binary = join(folder, "peak");
  const compiled = spawnSync(process.env.CXX ?? "c++", ["-O3", "-pthread", join(here, "peak.cpp"), "-o", binary], {
    encoding: "utf8",
  });
  if (compiled.status !== 0) return undefined;
  return JSON.parse(spawnSync(binary, { encoding: "utf8" }).stdout);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

await run(async () => {
  const { values } = parseArgs({
    options: {
      configurations: { type: "string", default: "A,B,C" },
      implementations: { type: "string" },
      rounds: { type: "string", default: "3" },
      budget: { type: "string", default: "120" },
      json: { type: "string" },
    },
  });
  await setup();
  const { probeDevices } = await import("@codex/tensor");
  const devices = (await probeDevices({ projectDirectory }))
    .filter((report) => report.found)
    .map((report) => report.device);
  const hasTorch = spawnSync(python, ["-c", "import torch"]).status === 0;
  const present = [...(hasTorch ? ["pytorch", "pytorch-compile"] : []), ...devices];
  const wanted = values.implementations?.split(",") ?? present;
  const missing = wanted.filter((name) => !present.includes(name));
  if (missing.length > 0) console.error(`not here: ${missing.join(", ")}`);
  const implementations = wanted.filter((name) => present.includes(name));

  const peak = processorPeak();
  console.log(`${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.versions.node}`);
  console.log(
    peak
      ? `float32 peak (${peak.isa}): ${peak.gflopsOneThread} GFLOP/s on one thread, ${peak.gflops} on ${peak.threads}`
      : "no C++ compiler: the processor's peak is not measured",
  );
  if (!hasTorch) console.log(`PyTorch is not measured: ${python} cannot import torch (set CODEX_BENCH_PYTHON)`);

  const results = [];
  for (const configuration of values.configurations.split(",")) {
    const c = CONFIGURATIONS[configuration];
    const [warmup, steps] = STEPS[configuration];
    const measured = new Map(implementations.map((name) => [name, { stepTimesMs: [], peakMemoryBytes: 0 }]));
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [name, sum] of measured) {
        if (sum.reason) continue;
        const torch = name.startsWith("pytorch");
        const args = torch
          ? [
              join(here, "pytorch_step.py"),
              JSON.stringify(c),
              String(warmup),
              String(steps),
              ...(name === "pytorch-compile" ? ["--compile"] : []),
            ]
          : [
              join(here, "codex-step.mjs"),
              configuration,
              name,
              String(warmup),
              String(steps),
              projectDirectory,
              values.budget,
            ];
        const one = await measure(torch ? python : process.execPath, args, Number(values.budget));
        if (one.reason) sum.reason = one.reason;
        else {
          sum.stepTimesMs.push(...one.stepTimesMs);
          sum.peakMemoryBytes = Math.max(sum.peakMemoryBytes, one.peakMemoryBytes);
          sum.threads = one.threads;
        }
      }
    }
    const flop = matmulFlop(c);
    console.log(
      `\n${configuration}: ${c.layers} layers, ${c.heads} heads, width ${c.width}, context ${c.context}, batch ${c.batch}, vocabulary ${c.vocabulary}; ${(flop / 1e9).toFixed(1)} GFLOP a step`,
    );
    for (const [implementation, sum] of measured) {
      if (sum.reason) {
        console.log(`  ${implementation.padEnd(16)} not measured: ${sum.reason}`);
        continue;
      }
      const stepTimeMs = median(sum.stepTimesMs);
      const tokensPerSecond = (c.batch * c.context * 1000) / stepTimeMs;
      const shareOfPeak = peak ? flop / (stepTimeMs / 1000) / (peak.gflops * 1e9) : null;
      results.push({
        configuration,
        implementation,
        precision: "float32",
        threads: sum.threads,
        stepTimeMs,
        tokensPerSecond,
        peakMemoryBytes: sum.peakMemoryBytes,
        shareOfPeak,
      });
      const share = shareOfPeak === null ? "" : `${(shareOfPeak * 100).toFixed(1)} % of peak`;
      console.log(
        `  ${implementation.padEnd(16)} ${stepTimeMs.toFixed(1).padStart(9)} ms  ${tokensPerSecond.toFixed(0).padStart(7)} tokens/s  ${(sum.peakMemoryBytes / 2 ** 20).toFixed(0).padStart(6)} MiB  ${share}`,
      );
    }
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
});
