/**
 * Generation with a cache, batch 1, in the shape of GPT-2 124M: each token reads all weights once, so that the memory's bandwidth is the bound.
 * The share is of the bandwidth that `peak.cpp` measures in the same run.
 */
import { join } from "node:path";
import { measure, median } from "../child.mjs";

export async function generation({ here, projectDirectory, peak, rounds, budget, devices }) {
  console.log("\ngeneration, batch 1, GPT-2 124M shape, tokens per second");
  const results = [];
  for (const device of devices.filter((name) => name !== "cpu" && name !== "wasm")) {
    const rates = [];
    let bytes = 0;
    for (let round = 0; round < rounds; round += 1) {
      const one = await measure(
        process.execPath,
        [join(here, "codex-generation.mjs"), device, projectDirectory],
        budget,
      );
      if (one.reason) {
        console.log(`  ${device}: ${one.reason}`);
        break;
      }
      rates.push(1000 / one.medianTokenMs);
      bytes = one.bytesPerToken;
    }
    if (rates.length === 0) continue;
    const tokensPerSecond = median(rates);
    const share = peak ? (tokensPerSecond * bytes) / (peak.readGigabytesPerSecond * 1e9) : null;
    results.push({ device, tokensPerSecond, bytesPerToken: bytes, shareOfBandwidth: share });
    console.log(
      `  ${device.padEnd(12)} ${tokensPerSecond.toFixed(1)} tokens/s${share === null ? "" : `, ${(100 * share).toFixed(0)} % of ${peak.readGigabytesPerSecond} GB/s`}`,
    );
  }
  return results;
}
