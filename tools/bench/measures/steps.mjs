/**
 * Milliseconds per training step of three configurations, for each device present and for PyTorch. The implementations take turns, so
 * that a machine that slows down slows all of them; medians are printed.
 */
import { join } from "node:path";
import { measure, median } from "../child.mjs";
import { CONFIGURATIONS, matmulFlop } from "../configurations.mjs";

/** Warm-up and timed steps of one turn. */
const STEPS = { A: [20, 60], B: [2, 6], C: [1, 2] };

const TORCH = {
  pytorch: [],
  "pytorch-compile": ["--compile"],
  "pytorch-bfloat16": ["--bf16"],
  "pytorch-bfloat16-manual": ["--bf16", "--manual-attention"],
};

export function implementations({ hasTorch, devices }) {
  const own = devices.flatMap((device) =>
    device === "engine" ? ["engine", "engine-bfloat16", "engine-unrecorded"] : [device],
  );
  return [...(hasTorch ? Object.keys(TORCH) : []), ...own];
}

export async function steps({ here, python, projectDirectory, peak, wanted, configurations, rounds, budget }) {
  const results = [];
  for (const configuration of configurations) {
    const c = CONFIGURATIONS[configuration];
    const [warmup, timed] = STEPS[configuration];
    const measured = new Map(wanted.map((name) => [name, { stepTimesMs: [], peakMemoryBytes: 0 }]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, sum] of measured) {
        if (sum.reason) continue;
        const [device, ...variants] = name.split("-");
        const one =
          name in TORCH
            ? await measure(
                python,
                [join(here, "pytorch_step.py"), JSON.stringify(c), warmup, timed, ...TORCH[name]],
                budget,
              )
            : await measure(
                process.execPath,
                [
                  join(here, "codex-step.mjs"),
                  configuration,
                  device,
                  warmup,
                  timed,
                  projectDirectory,
                  budget,
                  ...variants,
                ],
                budget,
              );
        if (one.reason) sum.reason = one.reason;
        else {
          sum.stepTimesMs.push(...one.stepTimesMs);
          sum.peakMemoryBytes = Math.max(sum.peakMemoryBytes, one.peakMemoryBytes);
          sum.threads = one.threads;
          sum.javascriptTimeMs = one.javascriptTimeMs;
          sum.launches = one.launches;
        }
      }
    }
    const flop = matmulFlop(c);
    console.log(
      `\n${configuration}: ${c.layers} layers, ${c.heads} heads, width ${c.width}, context ${c.context}, batch ${c.batch}, vocabulary ${c.vocabulary}; ${(flop / 1e9).toFixed(1)} GFLOP a step`,
    );
    for (const [implementation, sum] of measured) {
      if (sum.reason) {
        console.log(`  ${implementation.padEnd(24)} not measured: ${sum.reason}`);
        continue;
      }
      const stepTimeMs = median(sum.stepTimesMs);
      const tokensPerSecond = (c.batch * c.context * 1000) / stepTimeMs;
      const shareOfPeak = peak ? flop / (stepTimeMs / 1000) / (peak.gflops * 1e9) : null;
      results.push({
        configuration,
        implementation,
        precision: /bfloat16/.test(implementation) ? "bfloat16" : "float32",
        threads: sum.threads,
        stepTimeMs,
        tokensPerSecond,
        peakMemoryBytes: sum.peakMemoryBytes,
        shareOfPeak,
        ...(sum.launches === undefined ? {} : { launches: sum.launches, javascriptTimeMs: sum.javascriptTimeMs }),
      });
      const share = shareOfPeak === null ? "" : `${(shareOfPeak * 100).toFixed(1)} % of float32 peak`;
      const calls =
        sum.launches === undefined
          ? ""
          : `  ${sum.launches} launches, ${sum.javascriptTimeMs.toFixed(2)} ms of JavaScript`;
      console.log(
        `  ${implementation.padEnd(24)} ${stepTimeMs.toFixed(1).padStart(9)} ms  ${tokensPerSecond.toFixed(0).padStart(7)} tokens/s  ${(sum.peakMemoryBytes / 2 ** 20).toFixed(0).padStart(6)} MiB  ${share}${calls}`,
      );
    }
  }
  return results;
}
