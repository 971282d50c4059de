/**
 * A kernel may write an output into the memory of an input and give it back with one more reference. What TensorFlow.js counts, and
 * `Variable.assign`, which disposes the old value, stay right. The kernels here do it on the arrays of the cpu backend.
 */
import { accumulate, adamW, cacheAppend, selectDevice, sgd } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";

interface CpuBackend {
  readonly data: { get(dataId: tf.DataId): { values: Float32Array } };
  refCount(dataId: tf.DataId): number;
  incRef(dataId: tf.DataId): void;
}

const backend = () => tf.backend() as unknown as CpuBackend;
const refCount = (tensor: tf.Tensor) => backend().refCount(tensor.dataId);

/** Adds 1 to each of `names` where it stands, and returns it; an input that is shared is refused. */
function addOneInPlace(kernelName: string, names: readonly string[], given: "outputs" | "nothing"): tf.KernelConfig {
  return {
    kernelName,
    backendName: "cpu",
    kernelFunc({ inputs }) {
      const updated = names.flatMap((name) => [inputs[name]!].flat().map((info) => [name, info] as const));
      const outputs = updated.map(([name, { dataId, shape, dtype }]) => {
        expect([name, backend().refCount(dataId)]).toEqual([name, 1]);
        const { values } = backend().data.get(dataId);
        for (let i = 0; i < values.length; i++) values[i] = values[i]! + 1;
        if (given === "outputs") backend().incRef(dataId);
        return { dataId, shape, dtype };
      });
      return given === "outputs" ? outputs : [];
    },
  };
}

function withKernel(kernel: tf.KernelConfig, run: () => void): void {
  const own = tf.getKernel(kernel.kernelName, "cpu");
  if (own) tf.unregisterKernel(kernel.kernelName, "cpu");
  tf.registerKernel(kernel);
  try {
    run();
  } finally {
    tf.unregisterKernel(kernel.kernelName, "cpu");
    if (own) tf.registerKernel(own);
  }
}

beforeAll(async () => {
  await selectDevice("cpu");
});

const variable = (values: number[]) => tf.tidy(() => tf.variable(tf.tensor(values)));

test.each(["outputs", "nothing"] as const)("AdamW in place that returns %s", (given) => {
  const lists = { parameters: [variable([1, 2]), variable([3])], firstMoments: [variable([4, 5]), variable([6])] };
  const secondMoments = [variable([7, 8]), variable([9])];
  const gradients = [tf.ones([2]), tf.ones([1])];
  const variables = [...lists.parameters, ...lists.firstMoments, ...secondMoments];
  const before = { ...tf.memory() };
  const data = variables.map(({ dataId }) => dataId);
  withKernel(addOneInPlace("CodexAdamW", ["parameters", "firstMoments", "secondMoments"], given), () => {
    for (let step = 1; step <= 3; step++) {
      const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: [0, 0], step };
      adamW({ ...lists, secondMoments, gradients, ...settings });
    }
  });
  expect(variables.map((one) => Array.from(one.dataSync()))).toEqual([[4, 5], [6], [7, 8], [9], [10, 11], [12]]);
  expect(variables.map(({ dataId }) => dataId)).toEqual(data);
  expect(variables.map(refCount)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numDataBuffers: before.numDataBuffers });
  tf.dispose([variables, gradients]);
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers - 8);
});

test("SGD in place, without momentum", () => {
  const [parameter, gradient] = [variable([1, 2]), tf.ones([2])];
  const { numTensors } = tf.memory();
  withKernel(addOneInPlace("CodexSgd", ["parameters"], "outputs"), () => {
    const settings = { learningRate: 0.1, momentum: 0, weightDecay: [0], nesterov: false, step: 1 };
    sgd({ parameters: [parameter], gradients: [gradient], ...settings });
  });
  expect(Array.from(parameter.dataSync())).toEqual([2, 3]);
  expect([refCount(parameter), tf.memory().numTensors]).toEqual([1, numTensors]);
});

test.each([
  ["CodexAccumulate", "sum", (x: tf.Tensor) => accumulate(x, x)],
  ["CodexCacheAppend", "cache", (x: tf.Tensor) => cacheAppend(x, x, 0)],
] as const)("%s in place", (kernelName, name, run) => {
  const before = tf.memory().numTensors;
  const given = tf.tensor([1, 2], [1, 1, 1, 2]);
  withKernel(addOneInPlace(kernelName, [name], "outputs"), () => {
    const result = run(given);
    expect(result.dataId).toBe(given.dataId);
    given.dispose();
    expect(refCount(result)).toBe(1);
    expect(Array.from(result.dataSync())).toEqual([2, 3]);
    result.dispose();
  });
  expect(tf.memory().numTensors).toBe(before);
});
