import {
  accumulate,
  adamW,
  attention,
  cacheAppend,
  dropout,
  embedding,
  gelu,
  globalNorm,
  layerNorm,
  linear,
  linearCrossEntropy,
  OP_SET,
  rmsNorm,
  rotaryEmbedding,
  sample,
  selectDevice,
  selfAttention,
  sgd,
  swiglu,
  TensorError,
} from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expectClose } from "./fixtures.ts";

describe("matMul on wasm", () => {
  beforeAll(async () => {
    await selectDevice("wasm");
  });

  const sizes = fc.record({
    M: fc.integer({ min: 1, max: 21 }),
    K: fc.integer({ min: 1, max: 21 }),
    N: fc.integer({ min: 1, max: 21 }),
  });

  test("matMul of any layout is the sum of products", () => {
    fc.assert(
      fc.property(
        sizes,
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom([], [3], [2, 2]),
        fc.constantFrom("both", "a", "b"),
        ({ M, K, N }, transposeA, transposeB, batch, batched) => {
          tf.tidy(() => {
            const aBatch = batched === "b" ? batch.map(() => 1) : batch;
            const bBatch = batched === "a" ? batch.map(() => 1) : batch;
            const a = tf.randomUniform([...aBatch, ...(transposeA ? [K, M] : [M, K])], -1, 1, "float32", 1);
            const b = tf.randomUniform([...bBatch, ...(transposeB ? [N, K] : [K, N])], -1, 1, "float32", 2);
            const swap = batch.map((_, axis) => axis).concat([batch.length + 1, batch.length]);
            const rows = tf.expandDims(transposeA ? tf.transpose(a, swap) : a, -1); // [..., M, K, 1]
            const columns = tf.expandDims(transposeB ? tf.transpose(b, swap) : b, -3); // [..., 1, K, N]
            expectClose(tf.matMul(a, b, transposeA, transposeB), tf.sum(tf.mul(rows, columns), -2), 1e-5);
          });
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  test("one row times a matrix, again and again, and after the matrix changed", () => {
    const weight = tf.variable(
      tf.tensor([
        [1, 2],
        [3, 4],
      ]),
    );
    const row = tf.tensor([[1, 10]]);
    const product = () => Array.from(tf.matMul(row, weight as unknown as tf.Tensor2D).dataSync());
    expect([product(), product()]).toEqual([
      [31, 42],
      [31, 42],
    ]);
    weight.assign(
      tf.tensor([
        [0, 1],
        [1, 0],
      ]),
    );
    expect(product()).toEqual([10, 1]);
  });

  test("the same data as two shapes", () => {
    const data = tf.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const seen = tf.reshape(data, [3, 2]);
    expect(Array.from(tf.matMul(tf.tensor([[1, 10]]), data).dataSync())).toEqual([41, 52, 63]);
    expect(Array.from(tf.matMul(tf.tensor([[1, 10, 100]]), seen).dataSync())).toEqual([531, 642]);
  });

  test("an empty product", () => {
    expect(tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2])).shape).toEqual([0, 2]);
    expect(Array.from(tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 2])).dataSync())).toEqual([0, 0, 0, 0]);
  });
});

/** What this package puts in the place of backend kernels gives what the plain definition gives. */
describe.each(["wasm", "cpu"] as const)("kernels in TypeScript on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  test.each([[0], [1], [[0, 1]], [[0, 2]], [[0, 1, 2]], [[-3]]] as (number | number[])[][])("sum over %j", (axis) => {
    const x = tf.tensor(
      Float32Array.from({ length: 24 }, (_, i) => i * i),
      [2, 3, 4],
    );
    const values = x.arraySync() as number[][][];
    const axes = tf.util.parseAxisParam(axis!, x.shape);
    const expected = new Map<string, number>();
    values.forEach((plane, i) => {
      plane.forEach((row, j) => {
        row.forEach((value, k) => {
          const kept = [i, j, k].filter((_, at) => !axes.includes(at)).join();
          expected.set(kept, (expected.get(kept) ?? 0) + value);
        });
      });
    });
    expect(Array.from(tf.sum(x, axis).dataSync())).toEqual([...expected.values()]);
    expect(tf.sum(x, axis, true).shape).toEqual(x.shape.map((size, at) => (axes.includes(at) ? 1 : size)));
  });

  test("unsortedSegmentSum leaves out negative ids and fills absent segments with 0", () => {
    const sums = tf.unsortedSegmentSum(
      tf.tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      tf.tensor([3, -1, 3], [3], "int32") as tf.Tensor1D,
      5,
    );
    expect(sums.arraySync()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [6, 8],
      [0, 0],
    ]);
  });
});

test.each(["cpu", "wasm"] as const)("gather within batches on %s, and of indices that are no id", async (device) => {
  await selectDevice(device);
  const x = tf.tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]);
  const indices = tf.tensor([1, 0, 0, 0], [2, 2], "int32");
  expect(tf.gather(x, indices, 1, 1).arraySync()).toEqual([
    [
      [3, 4],
      [1, 2],
    ],
    [
      [5, 6],
      [5, 6],
    ],
  ]);
  expect(tf.gather(x, indices, 2, 1).arraySync()).toEqual([
    [
      [2, 1],
      [4, 3],
    ],
    [
      [5, 5],
      [7, 7],
    ],
  ]);
  expect(tf.gather(x, tf.tensor([[1], [0]], [2, 1], "int32"), 2).arraySync()).toEqual([
    [
      [[2], [1]],
      [[4], [3]],
    ],
    [
      [[6], [5]],
      [[8], [7]],
    ],
  ]);
  expect(tf.gather(tf.tensor([4, 5, 6], [3], "int32"), indices).arraySync()).toEqual([
    [5, 4],
    [4, 4],
  ]);
});

test("an id outside of the table is named", async () => {
  await selectDevice("wasm");
  expect(() => embedding(tf.zeros([4, 2]), tf.tensor([1, 4], [2], "int32"))).toThrow(
    "gather: expected indices in 0 .. 3 for axis 0 of [4, 2], got 4 at 1",
  );
});

test("a full wasm heap is an error, and what was computed before is still there", async () => {
  await selectDevice("wasm");
  const before = tf.tensor([1, 2, 3]);
  const run = () => tf.zeros([2 ** 15, 2 ** 15]); // 4 GiB
  expect(run).toThrow(TensorError);
  expect(run).toThrow(expect.objectContaining({ code: "TENSOR_OUT_OF_MEMORY" }));
  expect(Array.from(before.dataSync())).toEqual([1, 2, 3]);
});

test("a backend's kernel of an op's name takes the place of the composed form, forward and backward", async () => {
  await selectDevice("cpu");
  const calls: { kernelName: string; inputs: string[]; attributes: unknown }[] = [];
  const kernel = (kernelName: string): tf.KernelConfig => ({
    kernelName,
    backendName: "cpu",
    kernelFunc: ({ inputs, attrs }) => {
      calls.push({ kernelName, inputs: Object.keys(inputs), attributes: attrs });
      return [tf.fill([2], kernelName.endsWith("Gradient") ? 5 : 7)];
    },
  });
  const kernels = [kernel("CodexGelu"), kernel("CodexGeluGradient")];
  kernels.forEach(tf.registerKernel);
  try {
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => gelu(x, { approximate: "tanh" }))(tf.tensor([1, 2]));
    expect([Array.from(value.dataSync()), Array.from(grad.dataSync())]).toEqual([
      [7, 7],
      [5, 5],
    ]);
    expect(calls).toEqual([
      { kernelName: "CodexGelu", inputs: ["x"], attributes: { approximate: "tanh" } },
      { kernelName: "CodexGeluGradient", inputs: ["dy", "x"], attributes: { approximate: "tanh", gradientsOf: ["x"] } },
    ]);
  } finally {
    for (const { kernelName, backendName } of kernels) tf.unregisterKernel(kernelName, backendName);
  }
});

test("a gradient kernel is asked for what is present and not frozen", async () => {
  await selectDevice("cpu");
  const wanted: unknown[] = [];
  const kernelName = "CodexLinearGradient";
  tf.registerKernel({
    kernelName,
    backendName: "cpu",
    kernelFunc: ({ attrs }) => {
      const names = attrs!["gradientsOf"] as string[];
      wanted.push(names);
      return names.map((name) => tf.ones(name === "bias" ? [3] : [3, 3]));
    },
  });
  const [weight, bias] = [tf.variable(tf.ones([3, 3])), tf.variable(tf.ones([3]))];
  const gradient = tf.grad((x: tf.Tensor) => linear(x, weight, bias));
  try {
    gradient(tf.ones([3, 3]));
    weight.trainable = false;
    gradient(tf.ones([3, 3]));
    bias.trainable = false;
    gradient(tf.ones([3, 3]));
    expect(wanted).toEqual([["x", "weight", "bias"], ["x", "bias"], ["x"]]);
  } finally {
    tf.unregisterKernel(kernelName, "cpu");
  }
});

describe("the op set is what the kernels are called with", () => {
  const x = () => tf.ones([2, 4]);
  const heads = () => tf.ones([1, 2, 3, 4]);
  const vector = () => tf.ones([4]);
  const dropoutOptions = { rate: 0.5, key: [1, 2], offset: 0 } as const;
  const table = () => tf.ones([1, 3, 4]);
  const documentIds = () => tf.zeros([1, 3], "int32");
  const zeros = () => tf.variable(tf.zeros([4]));
  const lists = () => ({
    parameters: [zeros(), zeros()],
    gradients: [vector(), vector()],
    weightDecay: [0, 0],
    step: 1,
  });
  const moments = () => ({ firstMoments: [zeros(), zeros()], secondMoments: [zeros(), zeros()] });
  const mask = () => ({ causal: true, documentIds: documentIds(), dropout: dropoutOptions });
  const sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1.1, uniforms: [0, 0.5] };
  const CALLS: Record<keyof typeof OP_SET.ops, () => unknown> = {
    CodexLinear: () => linear(x(), tf.ones([4, 4]), vector(), { residual: x() }),
    CodexEmbedding: () => embedding(x(), tf.tensor([1], [1], "int32")),
    CodexLayerNorm: () => layerNorm(x(), vector(), vector(), 1e-5),
    CodexRmsNorm: () => rmsNorm(x(), vector(), 1e-5),
    CodexRotaryEmbedding: () => rotaryEmbedding(heads(), table(), table()),
    CodexAttention: () => attention(heads(), heads(), heads(), mask()),
    CodexSelfAttention: () => selfAttention(tf.ones([1, 3, 6]), { ...mask(), numAttentionHeads: 2 }),
    CodexGelu: () => gelu(x(), { approximate: "none" }),
    CodexSwiglu: () => swiglu(x(), x()),
    CodexDropout: () => dropout(x(), dropoutOptions),
    CodexLinearCrossEntropy: () => linearCrossEntropy(x(), x(), tf.tensor([1, 0], [2], "int32")),
    CodexGlobalNorm: () => globalNorm([x(), vector()]),
    CodexAccumulate: () => accumulate(x(), x()),
    CodexAdamW: () =>
      adamW({
        ...{ ...lists(), ...moments(), learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8 },
        gradientScale: tf.scalar(1),
      }),
    CodexSgd: () =>
      sgd({
        ...{ ...lists(), momentumBuffers: [zeros(), zeros()], learningRate: 0.1, momentum: 0.9, nesterov: true },
        gradientScale: tf.scalar(1),
      }),
    CodexCacheAppend: () => cacheAppend(heads(), heads(), 0),
    CodexSample: () => sample(x(), { ...sampling, context: tf.zeros([2, 1], "int32") }),
  };

  test.each(Object.entries(CALLS))("%s", async (kernelName, call) => {
    await selectDevice("cpu");
    const own = tf.getKernel(kernelName, "cpu");
    if (own) tf.unregisterKernel(kernelName, "cpu");
    tf.registerKernel({
      kernelName,
      backendName: "cpu",
      kernelFunc: ({ inputs, attrs }) => {
        const names = Object.entries(inputs).map(([name, given]) => (Array.isArray(given) ? `${name}*` : name));
        throw new Error(JSON.stringify({ inputs: names, attributes: Object.keys(attrs!) }));
      },
    });
    try {
      const { inputs, attributes } = OP_SET.ops[kernelName as keyof typeof OP_SET.ops];
      const names = inputs.map((name) => name.replace("?", ""));
      expect(call).toThrow(JSON.stringify({ inputs: names, attributes }));
    } finally {
      tf.unregisterKernel(kernelName, "cpu");
      if (own) tf.registerKernel(own);
    }
  });
});
