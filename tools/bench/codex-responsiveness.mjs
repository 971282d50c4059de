/**
 * Trains for a while and measures how late a timer of 10 ms comes in the same process.
 * usage: codex-responsiveness.mjs CONFIGURATION DEVICE SECONDS PROJECT
 */
import { selectDevice } from "@codex/tensor";
import { trainSteps } from "./training.mjs";

const [configuration, device, seconds, projectDirectory] = process.argv.slice(2);
await selectDevice(device, { projectDirectory });
const PERIOD_MS = 10;
const latenessMs = [];
const enough = new AbortController();
let isWarm = false;
let due = 0;
const tick = () => {
  const now = performance.now();
  if (isWarm) latenessMs.push(Math.max(0, now - due));
  due = performance.now() + PERIOD_MS;
  timer = setTimeout(tick, PERIOD_MS);
};
due = performance.now() + PERIOD_MS;
let timer = setTimeout(tick, PERIOD_MS);
let steps = 0;
await trainSteps(configuration, {
  maxSteps: 1e6,
  signal: enough.signal,
  onStep() {
    steps += 1;
    if (steps === 3) {
      isWarm = true;
      setTimeout(() => enough.abort(), Number(seconds) * 1000);
    }
  },
});
clearTimeout(timer);
latenessMs.sort((a, b) => a - b);
const at = (share) => latenessMs[Math.min(latenessMs.length - 1, Math.floor(share * latenessMs.length))];
console.log(JSON.stringify({ steps, samples: latenessMs.length, medianMs: at(0.5), p99Ms: at(0.99), worstMs: at(1) }));
