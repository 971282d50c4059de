/**
 * `npm run bench`: what is measured stands in `measures/`, one file each. Implementations that are compared take turns in one run.
 *
 *   npm run bench -- [--measure steps,matmul,...] [--configurations A,B,C] [--implementations pytorch,engine,...] [--rounds 3] [--budget 120] [--json FILE]
 *
 * PyTorch is measured when CODEX_BENCH_PYTHON (or python3) can import torch. TensorFlow is looked for in CODEX_BENCH_TENSORFLOW, a project in which
 * `codex doctor --setup-tensorflow` was run, or in this one.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { repository, run, SetupError, setup } from "../setup.mjs";
import { examples } from "./measures/examples.mjs";
import { generation } from "./measures/generation.mjs";
import { loading } from "./measures/loading.mjs";
import { matmul } from "./measures/matmul.mjs";
import { responsiveness } from "./measures/responsiveness.mjs";
import { implementations, steps } from "./measures/steps.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const python = process.env.CODEX_BENCH_PYTHON ?? "python3";
const projectDirectory = process.env.CODEX_BENCH_TENSORFLOW ?? repository;
const MEASURES = { steps, matmul, generation, loading, examples, responsiveness };

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

await run(async () => {
  const { values } = parseArgs({
    options: {
      measure: { type: "string", default: "steps" },
      configurations: { type: "string", default: "A,B,C" },
      implementations: { type: "string" },
      rounds: { type: "string", default: "3" },
      budget: { type: "string", default: "120" },
      json: { type: "string" },
    },
  });
  const names = values.measure === "all" ? Object.keys(MEASURES) : values.measure.split(",");
  const unknown = names.find((name) => !(name in MEASURES));
  if (unknown) throw new SetupError(`--measure: expected all or some of ${Object.keys(MEASURES)}, got ${unknown}`);
  await setup();
  const { probeDevices } = await import("@codex/tensor");
  const devices = (await probeDevices({ projectDirectory }))
    .filter((report) => report.found)
    .map((report) => report.device);
  const hasTorch = spawnSync(python, ["-c", "import torch"]).status === 0;
  const present = implementations({ hasTorch, devices });
  const wanted = values.implementations?.split(",") ?? present;
  const missing = wanted.filter((name) => !present.includes(name));
  if (missing.length > 0) console.error(`not here: ${missing.join(", ")}`);

  const peak = processorPeak();
  console.log(`${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.versions.node}`);
  console.log(
    peak
      ? `float32 peak (${peak.isa}): ${peak.gflopsOneThread} GFLOP/s on one thread, ${peak.gflops} on ${peak.threads}; memory ${peak.readGigabytesPerSecond} GB/s read`
      : "no C++ compiler: the processor's peak is not measured",
  );
  if (!hasTorch) console.log(`PyTorch is not measured: ${python} cannot import torch (set CODEX_BENCH_PYTHON)`);

  const context = {
    here,
    python,
    projectDirectory,
    peak,
    hasTorch,
    devices,
    wanted: wanted.filter((name) => present.includes(name)),
    configurations: values.configurations.split(","),
    rounds: Number(values.rounds),
    budget: Number(values.budget),
  };
  const results = {};
  for (const name of names) results[name] = await MEASURES[name](context);
  if (values.json) {
    // The measure of steps alone keeps its plain list.
    const written = names.length === 1 ? results[names[0]] : results;
    writeFileSync(values.json, `${JSON.stringify(written, null, 2)}\n`);
  }
});
