/** NaN and infinity stop a run before the bad step is applied. */
import { selectDevice } from "@codex/tensor";
import {
  type LossContext,
  type TrainableModel,
  type TrainingBatch,
  type TrainingCheckpoint,
  TrainingError,
  type TrainingEvent,
  train,
} from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";
import { createTinyModel, type TinyModel, tinySource } from "./tiny-model.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const data = tinySource({ samples: 12 });

/** A model that goes wrong in the batch of one sample, and again whenever it sees that batch. */
function poisoned(
  model: TinyModel,
  sample: number,
  poison: (loss: ReturnType<TinyModel["loss"]>) => tf.Scalar,
): TrainableModel {
  const firstId = data.batch(0, sample, 1).inputIds.join();
  return {
    parameters: () => model.parameters(),
    loss(batch: TrainingBatch, context: LossContext) {
      const loss = model.loss(batch, context);
      const rows = batch.inputIds.arraySync().map((row) => row.join());
      return rows.includes(firstId) ? { ...loss, lossSum: poison(loss) } : loss;
    },
  };
}

/** The value of `x`, the gradient NaN. */
const nanGradient = tf.customGrad((x) => ({
  value: (x as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.mul(dy, Number.NaN),
}));

async function failingRun(
  model: TrainableModel,
): Promise<{ error: TrainingError; saved: TrainingCheckpoint[]; events: TrainingEvent[] }> {
  const saved: TrainingCheckpoint[] = [];
  const events: TrainingEvent[] = [];
  const error = await train({
    model,
    data,
    seed: 7,
    // Micro-batches of 2, three a step: samples 8 and 9 of the order are micro-step 2 of step 2.
    options: { maxSteps: 4, batchSize: 2, gradientAccumulationSteps: 3, learningRate: 0.02, checkpointEverySteps: 1 },
    checkpoints: {
      async save(contents) {
        saved.push(contents);
        return { path: `step-${contents.step}` };
      },
    },
    onEvent: (event) => void events.push(event),
  }).then(
    () => {
      throw new Error("the run did not fail");
    },
    (error: TrainingError) => error,
  );
  return { error, saved, events };
}

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a loss of %d: named by step, micro-step, samples and parameter; not applied, not saved",
  async (value) => {
    const model = createTinyModel({ dropoutRate: 0.2 });
    const tensors = tf.memory().numTensors;
    const { error, saved, events } = await failingRun(
      poisoned(model, 8, ({ lossSum }) => tf.mul(lossSum, value) as tf.Scalar),
    );
    const sampleIds = data.batch(0, 8, 2).sampleIds;
    expect(error).toBeInstanceOf(TrainingError);
    expect(error.code).toBe("TRAINING_NOT_FINITE");
    expect(error.notFinite).toEqual({ step: 2, microStep: 2, sampleIds, parameter: "embed.weight" });
    expect(error.message).toContain(
      `step 2, micro-step 2, samples ${sampleIds.join(", ")}: expected a finite loss and gradient, but the loss sum is ${value}`,
    );
    expect(saved.map(({ step }) => step)).toEqual([1]);
    expect(events.at(-2)).toMatchObject({ type: "checkpoint", step: 1 });
    const { code, message, notFinite } = error;
    expect(events.at(-1)).toEqual({ type: "failure", step: 1, code, message, notFinite });
    for (const [name, { variable }] of model.parameters()) {
      expect([name, await variable.data()]).toEqual([name, saved[0]!.parameters.get(name)!.data]);
    }
    expect(tf.memory().numTensors).toBe(tensors);
    model.dispose();
  },
);

test("a finite loss with a gradient that is not: the first such parameter in the model's order is named", async () => {
  const model = createTinyModel();
  // Only what the head sees goes wrong, and with it the head's own gradient, but not the embedding's.
  const head = model.parameters().get("head.weight")!.variable;
  const { error, saved } = await failingRun(
    poisoned(model, 4, ({ lossSum }) => tf.add(lossSum, tf.mul(nanGradient(tf.sum(head)), 0)) as tf.Scalar),
  );
  expect(error.notFinite).toEqual({
    step: 1,
    microStep: 3,
    sampleIds: data.batch(0, 4, 2).sampleIds,
    parameter: "head.weight",
  });
  expect(error.message).toContain("the first gradient that is not finite is that of head.weight");
  expect(saved).toEqual([]);
});

test("gradients that are finite one by one but overflow together", async () => {
  const model = createTinyModel();
  const huge = tf.scalar(1e37);
  const everywhere: TrainableModel = {
    parameters: () => model.parameters(),
    loss(batch, context) {
      const loss = model.loss(batch, context);
      return { ...loss, lossSum: tf.mul(loss.lossSum, huge) as tf.Scalar };
    },
  };
  const { error } = await failingRun(everywhere);
  expect(error.notFinite).toMatchObject({ step: 1, microStep: undefined, parameter: undefined });
  expect(error.notFinite!.sampleIds).toEqual(data.batch(0, 0, 6).sampleIds);
  expect(error.message).toContain("the sum or the norm of their gradients is not");
});

test("weights that are NaN from the start are named as that", async () => {
  const model = createTinyModel();
  const { variable } = model.parameters().get("up.bias")!;
  variable.assign(tf.fill(variable.shape, Number.NaN));
  const { error } = await failingRun(model);
  expect(error.message).toContain("up.bias itself holds NaN or infinity before this step");
  expect(error.help).toContain("use other weights or a lower learningRate");
});
