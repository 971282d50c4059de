/**
 * Times training steps of one configuration on one device, through the training loop that users get.
 * usage: codex-step.mjs CONFIGURATION DEVICE WARMUP STEPS PROJECT BUDGET_SECONDS
 * A slow device makes fewer steps: it stops within the budget once one step was timed.
 * Prints one JSON line: the milliseconds of each timed step, the peak resident memory, the version and the threads.
 */
import { createModel } from "@codex/models";
import { createStream } from "@codex/random";
import { selectDevice } from "@codex/tensor";
import { createAdamW, train } from "@codex/training";
import { CONFIGURATIONS } from "./configurations.mjs";

const [name, device, warmup, steps, projectDirectory, budgetSeconds] = process.argv.slice(2);
const started = performance.now();
const c = CONFIGURATIONS[name];
const selection = await selectDevice(device, { projectDirectory });

const model = createModel(
  {
    modelType: "gpt2",
    vocabSize: c.vocabulary,
    hiddenSize: c.width,
    numHiddenLayers: c.layers,
    numAttentionHeads: c.heads,
    maxPositionEmbeddings: c.context,
  },
  { seed: 1337 },
);
const draws = createStream(1337, "bench");
const data = {
  samplesPerEpoch: 1e6,
  batch(_epoch, index, rows) {
    const ids = Int32Array.from({ length: rows * (c.context + 1) }, (_, i) =>
      draws.intAt(index * (c.context + 1) + i, c.vocabulary),
    );
    const cut = (shift) =>
      Int32Array.from(
        { length: rows * c.context },
        (_, i) => ids[Math.floor(i / c.context) * (c.context + 1) + (i % c.context) + shift],
      );
    return {
      rows,
      sequenceLength: c.context,
      inputIds: cut(0),
      labels: cut(1),
      sampleIds: Array.from({ length: rows }, (_, i) => index + i),
    };
  },
};
const stepTimesMs = [];
const enough = new AbortController();
let previousMs = 0;
await train({
  model,
  optimizer: createAdamW({ betas: [0.9, 0.99], weightDecay: 0.1 }),
  data,
  seed: 1337,
  signal: enough.signal,
  options: {
    maxSteps: Number(warmup) + Number(steps),
    batchSize: c.batch,
    learningRate: 1e-3,
    schedule: "constant",
    maxGradNorm: 1,
    evaluationEverySteps: 0,
  },
  onEvent(event) {
    if (event.type !== "step") return;
    const spentMs = performance.now() - started;
    const isSlow = spentMs + event.stepTimeMs > Number(budgetSeconds) * 500;
    // The first step of all pays for what is set up once; on a slow device one step is warm-up enough.
    if (event.step > Number(warmup) || (isSlow && previousMs > 0)) stepTimesMs.push(event.stepTimeMs);
    previousMs = event.stepTimeMs;
    if (isSlow && stepTimesMs.length > 0) enough.abort();
  },
});
const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ stepTimesMs, peakMemoryBytes, version: selection.version, threads: selection.threads }));
