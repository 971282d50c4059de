/**
 * Times training steps of one configuration on one device, through the training loop that users get.
 * usage: codex-step.mjs CONFIGURATION DEVICE WARMUP STEPS PROJECT BUDGET_SECONDS [bfloat16] [unrecorded]
 * A slow device makes fewer steps: it stops within the budget once one step was timed.
 * Prints one JSON line: the milliseconds of each timed step, the peak resident memory, the version and the threads; on the engine the
 * kernels of a step, and the processor time of this thread per step, which is what JavaScript costs.
 */
import { readFileSync } from "node:fs";
import { selectDevice } from "@codex/tensor";
import { trainSteps } from "./training.mjs";

const [name, device, warmup, steps, projectDirectory, budgetSeconds, ...variants] = process.argv.slice(2);
const started = performance.now();
const selection = await selectDevice(device, { projectDirectory });
const engine = device === "engine" ? await import("@codex/engine") : undefined;

/** Processor time of the thread that runs JavaScript; where the system does not tell, the time that its event loop was not idle. */
function mainThreadMs() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.eventLoopUtilization().active;
  }
}

function kernelsSoFar() {
  return engine?.engineStats().kernels ?? 0;
}

const stepTimesMs = [];
const enough = new AbortController();
let previousMs = 0;
let kernelsAtStart = 0;
let javascriptAtStartMs = 0;
await trainSteps(name, {
  maxSteps: Number(warmup) + Number(steps),
  signal: enough.signal,
  options: {
    ...(variants.includes("bfloat16") ? { precision: "bfloat16" } : {}),
    ...(variants.includes("unrecorded") ? { recordSteps: false } : {}),
  },
  onStep(event) {
    const spentMs = performance.now() - started;
    const isSlow = spentMs + event.stepTimeMs > Number(budgetSeconds) * 500;
    // The first step of all pays for what is set up once; on a slow device one step is warm-up enough.
    if (event.step > Number(warmup) || (isSlow && previousMs > 0)) stepTimesMs.push(event.stepTimeMs);
    previousMs = event.stepTimeMs;
    if (event.step === Number(warmup)) [kernelsAtStart, javascriptAtStartMs] = [kernelsSoFar(), mainThreadMs()];
    if (isSlow && stepTimesMs.length > 0) enough.abort();
  },
});
const timedSteps = Math.max(1, stepTimesMs.length);
const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
console.log(
  JSON.stringify({
    stepTimesMs,
    peakMemoryBytes,
    version: selection.version,
    threads: selection.threads,
    ...(engine === undefined
      ? {}
      : {
          launches: Math.round((kernelsSoFar() - kernelsAtStart) / timedSteps),
          javascriptTimeMs: (mainThreadMs() - javascriptAtStartMs) / timedSteps,
        }),
  }),
);
