/** Memory: what TensorFlow.js says is true, a step that runs again asks the system for nothing, and data moves between backends. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type EngineBackend, engineStats } from "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";

const typescript = fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url));

/** The workspace package that has TensorFlow.js with layers. */
const examples = fileURLToPath(new URL("../../../examples/tensorflowjs/package.json", import.meta.url));

beforeAll(async () => {
  await tf.setBackend("engine");
});

test("tf.memory is exact through tidy, keep, clones, views and dispose", () => {
  const count = () => {
    const { numTensors, numDataBuffers, numBytes, unreliable } = tf.memory();
    return { numTensors, numDataBuffers, numBytes, unreliable, ids: (tf.backend() as tf.KernelBackend).numDataIds() };
  };
  const before = count();
  const added = (numTensors: number, numDataBuffers: number, numBytes: number) => ({
    numTensors: before.numTensors + numTensors,
    numDataBuffers: before.numDataBuffers + numDataBuffers,
    numBytes: before.numBytes + numBytes,
    unreliable: false,
    ids: before.ids + numDataBuffers,
  });
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
  expect(count()).toEqual(added(1, 1, 24));
  const view = tf.reshape(x, [6]);
  const clone = tf.clone(view);
  expect(count()).toEqual(added(3, 1, 3 * 24)); // TensorFlow.js counts the bytes of views too
  x.dispose();
  view.dispose();
  expect(count()).toEqual(added(1, 1, 24));
  expect(Array.from(clone.dataSync())).toEqual([1, 2, 3, 4, 5, 6]);
  const kept: tf.Tensor[] = [];
  const result = tf.tidy(() => {
    kept.push(tf.keep(tf.mul(clone, clone)));
    return tf.sum(tf.add(kept[0]!, 1));
  });
  expect(count()).toEqual(added(3, 3, 24 + 24 + 4));
  expect(() => tf.tidy(() => tf.matMul(tf.ones([2, 2]), tf.ones([3, 3])))).toThrow(/inner shapes/i);
  expect(count()).toEqual(added(3, 3, 52));
  const variable = tf.variable(tf.zeros([8]));
  variable.assign(tf.ones([8]));
  tf.dispose([clone, result, ...kept, variable]);
  // The values that the variable had and got belong to nobody's scope: zeros and ones.
  expect(count()).toEqual(added(2, 2, 64));
});

test("strings and complex numbers compute, and go with their scope", async () => {
  const backend = tf.backend() as tf.KernelBackend;
  const before = { ...tf.memory(), ids: backend.numDataIds() };
  tf.tidy(() => {
    const text = tf.tensor(["a", "b", "c", "d"], [2, 2]);
    expect(tf.concat([text, text], 1).dataSync()).toEqual(["a", "b", "a", "b", "c", "d", "c", "d"]);
    expect(tf.slice(text, [1, 0], [1, 2]).dataSync()).toEqual(["c", "d"]);
    const z = tf.complex([1, 2], [3, -4]);
    expect(Array.from(tf.mul(z, z).dataSync())).toEqual([-8, 6, -12, -16]);
    expect(Array.from(tf.imag(tf.reshape(z, [2, 1])).dataSync())).toEqual([3, -4]);
    expect(Array.from(tf.abs(tf.complex([3], [4])).dataSync())).toEqual([5]);
    expect(Array.from(tf.cast(z, "float32").dataSync())).toEqual([1, 2]);
    expect(Array.from(tf.cast(tf.tensor1d([1, 2]), "complex64").dataSync())).toEqual([1, 0, 2, 0]);
  });
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  expect({ numTensors, numDataBuffers, numBytes, ids: backend.numDataIds() }).toEqual({
    numTensors: before.numTensors,
    numDataBuffers: before.numDataBuffers,
    numBytes: before.numBytes,
    ids: before.ids,
  });
  const z = tf.complex([1], [2]);
  expect(Array.from(await z.data())).toEqual([1, 2]);
  z.dispose();
});

test.each([
  ["float32", [1.5, -2, Number.NaN, 4]],
  ["int32", [1, -2, 2 ** 31 - 1, 4]],
  ["bool", [1, 0, 0, 1]],
  ["string", ["a", "b", "", "d"]],
] as const)("%s data moves to another backend and back", async (dtype, values) => {
  const x = tf.tensor(values as unknown as number[], [2, 2], dtype);
  const { numDataBuffers } = tf.memory();
  const onEngine = (tf.engine().registry["engine"] as tf.KernelBackend).numDataIds();
  const lastRow = () => Array.from(tf.slice(x, [1, 0], [1, 2]).dataSync() as ArrayLike<unknown>);
  (tf.findBackend("cpu") as tf.KernelBackend & { firstUse: boolean }).firstUse = false; // it would advise to install another
  await tf.setBackend("cpu");
  expect(lastRow()).toEqual(values.slice(2));
  await tf.setBackend("engine");
  expect(lastRow()).toEqual(values.slice(2));
  expect(tf.memory().numDataBuffers).toBe(numDataBuffers + 2); // the two slices
  expect((tf.backend() as tf.KernelBackend).numDataIds()).toBe(onEngine + 1);
  x.dispose();
});

test("complex numbers come from another backend", async () => {
  await tf.setBackend("cpu");
  const z = tf.complex([1, 2], [3, -4]);
  await tf.setBackend("engine");
  expect(Array.from(tf.mul(z, z).dataSync())).toEqual([-8, 6, -12, -16]);
});

test("a step that runs again asks the system for no memory", async () => {
  const weights = [tf.randomNormal([64, 256]), tf.randomNormal([256, 64])];
  const step = () =>
    tf.tidy(() => {
      let x: tf.Tensor = tf.randomNormal([100, 64]);
      for (const weight of weights) x = tf.relu(tf.matMul(x, weight));
      return tf.sum(tf.softmax(x));
    });
  const sums: number[] = [];
  const runStep = async () => {
    const sum = step();
    sums.push((await sum.data())[0]!);
    sum.dispose();
  };
  /** What is disposed is free once the engine has come to it. */
  const settled = () => {
    (tf.backend() as EngineBackend).sync();
    const { systemAllocations, bytesInUse } = engineStats();
    return { systemAllocations, bytesInUse };
  };
  await runStep();
  await runStep();
  const warm = settled();
  for (let i = 0; i < 20; i++) await runStep();
  expect(settled()).toEqual(warm);
  for (const sum of sums) expect(sum).toBeCloseTo(100, 2);
});

test("time and profile measure kernels", async () => {
  const x = tf.randomNormal([300, 300]);
  const { kernelMs, wallMs } = (await tf.time(() => tf.matMul(x, x))) as tf.TimingInfo;
  expect(kernelMs).toBeGreaterThan(0);
  expect(kernelMs).toBeLessThanOrEqual(wallMs);
  const profile = await tf.profile(() => tf.tidy(() => tf.sum(tf.mul(x, 2))));
  expect(profile.kernelNames.sort()).toEqual(["Multiply", "Sum"]);
  for (const kernel of profile.kernels) expect(Number(await kernel.kernelTimeMs)).toBeGreaterThan(0);
});

test("the resident set is flat over 2,000 steps of training", async () => {
  const script = `
    import { engineStats } from "@codex/engine";
    import { createRequire } from "node:module";
    const tf = createRequire(${JSON.stringify(examples)})("@tensorflow/tfjs");
    await tf.setBackend("engine");
    const images = tf.randomNormal([32, 12, 12, 1], 0, 1, "float32", 1);
    const labels = tf.oneHot(tf.tensor1d(Array.from({ length: 32 }, (_, i) => i % 10), "int32"), 10);
    const seeded = (seed) => tf.initializers.glorotUniform({ seed });
    const model = tf.sequential({ layers: [
      tf.layers.flatten({ inputShape: [12, 12, 1] }),
      tf.layers.dense({ units: 64, activation: "relu", kernelInitializer: seeded(1) }),
      tf.layers.dropout({ rate: 0.1, seed: 3 }),
      tf.layers.dense({ units: 10, activation: "softmax", kernelInitializer: seeded(2) }),
    ] });
    model.compile({ optimizer: tf.train.adam(0.003), loss: "categoricalCrossentropy" });
    const losses = [];
    const samples = [];
    for (let step = 0; step <= 2000; step++) {
      const loss = await model.trainOnBatch(images, labels);
      if (step % 100 === 0) {
        losses.push(loss);
        globalThis.gc();
        const { systemAllocations, bytesInUse } = engineStats();
        samples.push({ step, rss: process.memoryUsage().rss, systemAllocations, bytesInUse, numTensors: tf.memory().numTensors });
      }
    }
    console.log(JSON.stringify({ losses, samples, fallbacks: engineStats().fallbacks }));`;
  const flags = ["--no-warnings", "--expose-gc", "--conditions=@codex/source", "--import", typescript];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "--input-type=module", "-e", script], {
    timeout: 280_000,
  });
  const { losses, samples, fallbacks } = JSON.parse(stdout) as {
    losses: number[];
    samples: { step: number; rss: number; systemAllocations: number; bytesInUse: number; numTensors: number }[];
    fallbacks: Record<string, number>;
  };
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
  const [warm, last] = [samples.find(({ step }) => step === 500)!, samples.at(-1)!];
  expect(last).toMatchObject({
    systemAllocations: warm.systemAllocations,
    bytesInUse: warm.bytesInUse,
    numTensors: warm.numTensors,
  });
  expect(last.rss - warm.rss).toBeLessThan(16 << 20);
  expect(fallbacks).toEqual({});
}, 300_000);
