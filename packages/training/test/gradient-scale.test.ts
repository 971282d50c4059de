/** How clipping and the division by the targets reach an optimizer, and that a bad step changes nothing though the update comes first. */
import { selectDevice } from "@codex/tensor";
import {
  createAdamW,
  createSgd,
  type HostBatch,
  type LossContext,
  type Optimizer,
  type OptimizerStep,
  type TrainingBatch,
  train,
} from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";
import { createTinyModel, type TinyModel, tinyBatch } from "./tiny-model.ts";

let model: TinyModel;
beforeEach(async () => {
  await selectDevice("cpu");
  model = createTinyModel();
});
afterEach(() => model.dispose());

const batch = tinyBatch([1, 2, 3]);
const targets = batch.labels.filter((label) => label !== -100).length;

const runWith = (
  optimizer: Optimizer,
  options: { maxGradNorm?: number } = {},
  data: HostBatch = batch,
  loss = model.loss,
) =>
  train({
    model: { ...model, loss },
    data: { samplesPerEpoch: 3, batch: () => data },
    seed: 1,
    optimizer,
    options: { maxSteps: 1, batchSize: 3, learningRate: 0.02, schedule: "constant", ...options },
  });

const weights = () => [...model.parameters().values()].map(({ variable }) => Array.from(variable.dataSync()));

/** Keeps what the loop hands over, and updates nothing. */
function keeper(usesGradientScale: boolean) {
  const steps: { gradients: number[][]; scale: number | undefined }[] = [];
  const optimizer: Optimizer = {
    name: "keeper",
    usesGradientScale,
    step({ gradients, gradientScale }: OptimizerStep) {
      steps.push({
        gradients: gradients.map((gradient) => Array.from(gradient.dataSync())),
        scale: gradientScale?.dataSync()[0],
      });
    },
    state: () => new Map(),
    loadState() {},
    dispose() {},
  };
  return { optimizer, steps };
}

const flat = (gradients: number[][]) => gradients.flat();
const norm = (values: number[]) => Math.hypot(...values);

test.each([0.01, 0])(
  "the scale divides by the targets and clips at %d; without it the gradients are scaled",
  async (maxGradNorm) => {
    const [heeds, plain] = [keeper(true), keeper(false)];
    await runWith(heeds.optimizer, { maxGradNorm });
    await runWith(plain.optimizer, { maxGradNorm });
    const [{ gradients, scale }] = heeds.steps as [{ gradients: number[][]; scale: number }];
    const mean = norm(flat(gradients)) / targets;
    expect(mean).toBeGreaterThan(0.02);
    const factor = maxGradNorm === 0 ? 1 : maxGradNorm / (mean + 1e-6);
    expect(scale * targets).toBeCloseTo(factor, 6);
    expect(plain.steps[0]!.scale).toBeUndefined();
    flat(plain.steps[0]!.gradients).forEach((value, index) => {
      expect(value).toBeCloseTo(scale * flat(gradients)[index]!, 7);
    });
  },
);

test("an optimizer that heeds the scale is asked before the loss is read, another one after", async () => {
  const order: string[] = [];
  const loss = (given: TrainingBatch, context: LossContext) => {
    const result = model.loss(given, context);
    // Nothing is wrong with the gradients: that this step is bad shows in the loss alone.
    return { ...result, lossSum: tf.add(result.lossSum, Number.POSITIVE_INFINITY) as tf.Scalar };
  };
  for (const usesGradientScale of [true, false]) {
    const { optimizer, steps } = keeper(usesGradientScale);
    await expect(runWith(optimizer, {}, batch, loss)).rejects.toMatchObject({ code: "TRAINING_NOT_FINITE" });
    order.push(`${usesGradientScale}: ${steps.map(({ scale }) => scale).join()}`);
  }
  expect(order).toEqual(["true: NaN", "false: "]);
});

describe.each([
  ["adamw", () => createAdamW({ weightDecay: 0.1 })],
  ["sgd", () => createSgd({ momentum: 0.9, weightDecay: 0.1 })],
] as const)("%s changes neither parameters nor state", (_name, create) => {
  const nothing = { ...batch, labels: batch.labels.map(() => -100) };
  const infinite = (given: TrainingBatch, context: LossContext) => {
    const result = model.loss(given, context);
    return { ...result, lossSum: tf.add(result.lossSum, Number.NaN) as tf.Scalar };
  };

  test.each([
    ["without a target", "TRAINING_NO_TARGETS", nothing, undefined],
    ["with a loss that is not finite and gradients that are", "TRAINING_NOT_FINITE", batch, infinite],
  ])("%s", async (_case, code, data, loss) => {
    const optimizer = create();
    const before = weights();
    await expect(runWith(optimizer, {}, data, loss ?? model.loss)).rejects.toMatchObject({ code });
    expect(weights()).toEqual(before);
    for (const variable of optimizer.state().values()) expect(Math.max(...variable.dataSync().map(Math.abs))).toBe(0);
    optimizer.dispose();
  });
});
