/** Training steps of a configuration through the training loop that users get. */
import { createModel } from "@codex/models";
import { createStream } from "@codex/random";
import { createAdamW, train } from "@codex/training";
import { CONFIGURATIONS } from "./configurations.mjs";

export async function trainSteps(name, { maxSteps, signal, options = {}, onStep }) {
  const c = CONFIGURATIONS[name];
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
  // Made before: what is timed is the step, not the data.
  const draws = createStream(1337, "bench");
  const length = c.batch * (c.context + 1);
  const batches = Array.from({ length: 8 }, (_, index) => {
    const ids = Int32Array.from({ length }, (_, i) => draws.intAt(index * length + i, c.vocabulary));
    const cut = (shift) =>
      Int32Array.from(
        { length: c.batch * c.context },
        (_, i) => ids[Math.floor(i / c.context) * (c.context + 1) + (i % c.context) + shift],
      );
    return { rows: c.batch, sequenceLength: c.context, inputIds: cut(0), labels: cut(1) };
  });
  const data = {
    samplesPerEpoch: 1e6,
    batch(_epoch, index, rows) {
      const sampleIds = Array.from({ length: rows }, (_, i) => index + i);
      return { ...batches[(index / c.batch) % batches.length], sampleIds };
    },
  };
  await train({
    model,
    optimizer: createAdamW({ betas: [0.9, 0.99], weightDecay: 0.1 }),
    data,
    seed: 1337,
    ...(signal === undefined ? {} : { signal }),
    options: {
      maxSteps,
      batchSize: c.batch,
      learningRate: 1e-3,
      schedule: "constant",
      maxGradNorm: 1,
      evaluationEverySteps: 0,
      ...options,
    },
    onEvent(event) {
      if (event.type === "step") onStep(event);
    },
  });
}
