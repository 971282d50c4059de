/** How late a timer of 10 ms comes in the process that trains: what a server or a progress bar beside the training notices. */
import { join } from "node:path";
import { measure } from "../child.mjs";

export async function responsiveness({ here, projectDirectory, seconds = 60 }) {
  console.log(`\nlateness of a 10 ms timer while configuration B trains on the engine, over ${seconds} s`);
  const one = await measure(
    process.execPath,
    [join(here, "codex-responsiveness.mjs"), "B", "engine", seconds, projectDirectory],
    seconds * 2 + 60,
  );
  if (one.reason) {
    console.log(`  not measured: ${one.reason}`);
    return [];
  }
  console.log(
    `  median ${one.medianMs.toFixed(2)} ms, 99th percentile ${one.p99Ms.toFixed(2)} ms, worst ${one.worstMs.toFixed(1)} ms; ${one.steps} steps`,
  );
  return [one];
}
