import { type EngineBackend, engineStats, register } from "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";
import { normal } from "./tensors.ts";

type Key = readonly [number, number];

beforeAll(async () => {
  await register();
  await tf.setBackend("engine");
});

const backend = () => tf.backend() as EngineBackend;

/** Dropout, a product with a variable, and a sum: what a step is made of. */
function body(x: tf.Tensor2D, key: Key, weight: tf.Variable): tf.Tensor[] {
  return tf.tidy(() => {
    const attributes = { rate: 0.25, key, offset: 0 } as unknown as tf.NamedAttrMap;
    const [dropped] = tf.engine().runKernel("CodexDropout", { x }, attributes) as tf.Tensor[];
    const product = tf.matMul(dropped as tf.Tensor2D, weight as unknown as tf.Tensor2D);
    return [product, tf.sum(tf.square(product))];
  });
}

async function plain(x: tf.Tensor2D, key: Key, weight: tf.Variable): Promise<number[][]> {
  const outputs = body(x, key, weight);
  const values = await Promise.all(outputs.map(async (output) => Array.from(await output.data())));
  tf.dispose(outputs);
  return values;
}

test("a replayed step has the bits of a step that is not recorded, with new inputs, keys and weights", async () => {
  const weight = tf.variable(normal([5, 4], 1));
  const recorder = backend().recordings.createRecorder();
  const before = engineStats().replays;
  for (let step = 1; step <= 6; step++) {
    const x = normal([3, 5], 10 + step) as tf.Tensor2D;
    const key: Key = [step, 7 * step];
    const expected = await plain(x, key, weight);
    const outputs = recorder.run({ inputs: [x], keys: [key], weights: [weight], body: () => body(x, key, weight) });
    const got = await Promise.all(outputs.map(async (output) => Array.from(await output.data())));
    expect(got).toEqual(expected);
    x.dispose();
    // In place, as the optimizers do it: the weight's data stay where they are.
    const next = tf
      .engine()
      .runKernel("CodexAccumulate", { sum: weight, x: normal([5, 4], 100 + step) }, {}) as unknown as tf.Tensor[];
    weight.assign(next[0]!);
    tf.dispose(next);
  }
  expect(engineStats().replays - before).toBe(4);
  recorder.dispose();
});

test("a weight that moves is noticed, also when its old data live on in a clone", async () => {
  const weight = tf.variable(normal([5, 4], 1));
  const recorder = backend().recordings.createRecorder();
  const x = normal([3, 5], 2) as tf.Tensor2D;
  const key: Key = [1, 2];
  const run = () => recorder.run({ inputs: [x], keys: [key], weights: [weight], body: () => body(x, key, weight) });
  for (let step = 0; step < 4; step++) run();
  const snapshot = weight.clone();
  weight.assign(normal([5, 4], 3));
  const got = Array.from(await run()[0]!.data());
  expect([got]).toEqual((await plain(x, key, weight)).slice(0, 1));
  expect(got).not.toEqual((await plain(x, key, tf.variable(snapshot)))[0]);
  recorder.dispose();
});

test("an update in place leaves a tensor alone that shares the data", () => {
  const weight = tf.variable(tf.tensor1d([1, 2, 3]));
  const shared = weight.clone();
  const [sum] = tf
    .engine()
    .runKernel("CodexAccumulate", { sum: weight, x: tf.tensor1d([1, 1, 1]) }, {}) as unknown as tf.Tensor[];
  expect(Array.from(sum!.dataSync())).toEqual([2, 3, 4]);
  expect(Array.from(shared.dataSync())).toEqual([1, 2, 3]);
});

test("batches of two shapes have a program each, and memory stays flat", () => {
  const weight = tf.variable(normal([5, 4], 1));
  const recorder = backend().recordings.createRecorder();
  const run = (rows: number, step: number) => {
    const x = normal([rows, 5], step) as tf.Tensor2D;
    const key: Key = [step, step];
    const outputs = recorder.run({ inputs: [x], keys: [key], weights: [weight], body: () => body(x, key, weight) });
    const sum = outputs[1]!.dataSync()[0];
    x.dispose();
    return sum;
  };
  for (let step = 0; step < 8; step++) run(step % 2 === 0 ? 3 : 2, step);
  const { systemAllocations, bytesInUse } = engineStats();
  const tensors = tf.memory().numTensors;
  for (let step = 8; step < 60; step++) run(step % 2 === 0 ? 3 : 2, step);
  expect(engineStats()).toMatchObject({ systemAllocations, bytesInUse });
  expect(tf.memory().numTensors).toBe(tensors);
  recorder.dispose();
});

test("a step that reads a value goes on unrecorded, and an error inside leaves the engine as it was", async () => {
  const recorder = backend().recordings.createRecorder();
  const x = tf.tensor1d([1, 2, 3]);
  const before = engineStats().replays;
  for (let step = 0; step < 6; step++) {
    const [doubled] = recorder.run({
      inputs: [x],
      keys: [],
      weights: [],
      body: () => {
        const sum = tf.sum(x).dataSync()[0]!;
        return [tf.mul(x, sum)];
      },
    });
    expect(Array.from(await doubled!.data())).toEqual([6, 12, 18]);
  }
  expect(engineStats().replays).toBe(before);
  const failing = backend().recordings.createRecorder();
  for (let step = 0; step < 3; step++) {
    expect(() =>
      failing.run({
        inputs: [x],
        keys: [],
        weights: [],
        body: () => {
          tf.mul(x, 2);
          throw new Error("stopped");
        },
      }),
    ).toThrow("stopped");
  }
  expect(Array.from(tf.add(x, 1).dataSync())).toEqual([2, 3, 4]);
  recorder.dispose();
  failing.dispose();
});
