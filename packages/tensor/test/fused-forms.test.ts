/** Ops that do in one call what others do in several: value and gradients are those of the several. */
import { createStream } from "@codex/random";
import {
  type Activation,
  accumulate,
  attention,
  cacheAppend,
  clipByGlobalNorm,
  gelu,
  globalNorm,
  linear,
  rotaryEmbedding,
  selectDevice,
  selfAttention,
  swiglu,
} from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";
import { expectClose } from "./fixtures.ts";

const stream = createStream(11, "fused forms test");

function normal(shape: readonly number[], name: string): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor(stream.substream(name).fillNormal(new Float32Array(size)), [...shape]);
}

type F = (...inputs: tf.Tensor[]) => tf.Tensor;

/** Both functions of the same inputs: value and every gradient within the rounding of a few float32 sums. */
function expectSame(fused: F, several: F, inputs: tf.Tensor[], tolerance = 1e-5): void {
  tf.tidy(() => {
    const dy = normal(several(...inputs).shape, "dy");
    const [actual, expected] = [fused, several].map((f) => tf.valueAndGrads(f)(inputs, dy));
    expectClose(actual!.value, expected!.value, tolerance);
    expected!.grads.forEach((gradient, i) => {
      expectClose(actual!.grads[i]!, gradient, tolerance);
    });
  });
}

const swap = (x: tf.Tensor): tf.Tensor => tf.transpose(x, [0, 2, 1, 3]);

describe.each(presentDevices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  const ACTIVATED: Record<Exclude<Activation, "none">, (x: tf.Tensor) => tf.Tensor> = {
    gelu: (x) => gelu(x, { approximate: "none" }),
    geluTanh: (x) => gelu(x, { approximate: "tanh" }),
    silu: (x) => swiglu(x, tf.onesLike(x)),
    relu: (x) => tf.relu(x),
  };

  test.each(Object.keys(ACTIVATED) as (keyof typeof ACTIVATED)[])("linear of %s with residual", (inputActivation) => {
    const inputs = [normal([2, 3, 4], "x"), normal([5, 4], "w"), normal([5], "b"), normal([2, 3, 5], "r")];
    expectSame(
      (x, w, b, residual) => linear(x!, w!, b, { inputActivation, residual: residual! }),
      (x, w, b, residual) => tf.add(linear(ACTIVATED[inputActivation](x!), w!, b), residual!),
      inputs,
    );
    expectSame(
      (x, w) => linear(x!, w!, undefined, { inputActivation, weightLayout: "inOut" }),
      (x, w) => linear(ACTIVATED[inputActivation](x!), w!, undefined, { weightLayout: "inOut" }),
      [normal([3, 4], "x"), normal([4, 5], "w")],
    );
  });

  test("linear with a residual that is its own input, and the residual alone", () => {
    expectSame(
      (x, w) => linear(x!, w!, undefined, { residual: x! }),
      (x, w) => tf.add(linear(x!, w!), x!),
      [normal([3, 4], "x"), normal([4, 4], "w")],
    );
    const [x, w] = [normal([3, 4], "x"), normal([4, 4], "w")];
    const dy = normal([3, 4], "dy");
    const gradient = tf.grad((residual: tf.Tensor) => linear(x, w, undefined, { residual }))(normal([3, 4], "r"), dy);
    expect(gradient.dataSync()).toEqual(dy.dataSync());
    gradient.dispose();
    expect(dy.dataSync()).toHaveLength(12); // the gradient was a handle of its own
  });

  test("residuals of layers in a row add up", () => {
    const layers = (f: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor) => (x?: tf.Tensor, w?: tf.Tensor, v?: tf.Tensor) =>
      f(f(x!, w!), v!);
    expectSame(
      layers((x, w) => linear(x, w, undefined, { residual: x })),
      layers((x, w) => tf.add(linear(x, w), x)),
      [normal([3, 4], "x"), normal([4, 4], "w"), normal([4, 4], "v")],
    );
  });

  const documentIds = tf.tidy(() =>
    tf.keep(
      tf.tensor(
        [
          [0, 0, 0, 1, 1, 1, 1],
          [0, 0, 0, 0, 0, 0, 0],
        ],
        [2, 7],
        "int32",
      ),
    ),
  );
  const dropout = { rate: 0.3, key: stream.key, offset: 5 };

  test.each([1, 7])("attention with heads behind the time, %d queries", (queries) => {
    const options = { causal: true, documentIds, dropout };
    expectSame(
      (q, k, v) => attention(q!, k!, v!, { ...options, layout: "bthd" }),
      (q, k, v) => swap(attention(swap(q!), swap(k!), swap(v!), options)),
      [normal([2, queries, 4, 3], "q"), normal([2, 7, 2, 3], "k"), normal([2, 7, 2, 3], "v")],
    );
  });

  test.each(["bhtd", "bthd"] as const)("attention over the first keys of a longer tensor, %s", (layout) => {
    const time = layout === "bhtd" ? 2 : 1;
    const given = (shape: number[]) => (layout === "bhtd" ? shape : [shape[0]!, shape[2]!, shape[1]!, shape[3]!]);
    const size = [-1, -1, -1, -1];
    size[time] = 5;
    const first = (x: tf.Tensor) => tf.slice(x, [0, 0, 0, 0], size);
    const options = { causal: true, layout };
    expectSame(
      (q, k, v) => attention(q!, k!, v!, { ...options, documentIds, keyLength: 5 }),
      (q, k, v) =>
        attention(q!, first(k!), first(v!), { ...options, documentIds: tf.slice(documentIds, [0, 0], [-1, 5]) }),
      [normal(given([2, 4, 2, 3]), "q"), normal(given([2, 2, 7, 3]), "k"), normal(given([2, 2, 7, 3]), "v")],
    );
  });

  test.each([
    [4, 4],
    [4, 2],
    [3, 1],
  ])("selfAttention of %d heads and %d key heads", (numAttentionHeads, numKeyValueHeads) => {
    const [T, D] = [7, 3];
    const options = { causal: true, documentIds, dropout };
    const widths = [numAttentionHeads, numKeyValueHeads, numKeyValueHeads].map((heads) => heads * D);
    const heads = (x: tf.Tensor) => swap(tf.reshape(x, [2, T, -1, D]));
    expectSame(
      (qkv) => selfAttention(qkv!, { ...options, numAttentionHeads, numKeyValueHeads }),
      (qkv) => {
        const [q, k, v] = tf.split(qkv!, widths, -1).map(heads) as [tf.Tensor, tf.Tensor, tf.Tensor];
        return tf.reshape(swap(attention(q, k, v, options)), [2, T, numAttentionHeads * D]);
      },
      [normal([2, T, widths.reduce((sum, width) => sum + width)], "qkv")],
    );
  });

  test.each([1, 2])("rotaryEmbedding with heads behind the time, %d tables", (tables) => {
    const [cos, sin] = [normal([tables, 5, 4], "cos"), normal([tables, 5, 4], "sin")];
    expectSame(
      (x) => rotaryEmbedding(x!, cos, sin, { layout: "bthd" }),
      (x) => swap(rotaryEmbedding(swap(x!), cos, sin)),
      [normal([2, 5, 3, 4], "x")],
    );
  });

  test("cacheAppend replaces the rows of its positions, and nothing that shares the old memory", () => {
    let cache = normal([2, 3, 6, 4], "cache");
    const shared = tf.clone(cache);
    const before = cache.arraySync() as number[][][][];
    for (const [position, count] of [
      [0, 2],
      [2, 1],
      [3, 3],
    ] as const) {
      const fresh = normal([2, 3, count, 4], `fresh ${position}`);
      const next = cacheAppend(cache, fresh, position);
      tf.dispose([cache, fresh]);
      cache = next;
    }
    const rows = ([0, 2, 3] as const).flatMap((position, i) => {
      const fresh = normal([2, 3, [2, 1, 3][i]!, 4], `fresh ${position}`).arraySync() as number[][][][];
      return [{ position, fresh }];
    });
    const expected = before.map((heads, b) => heads.map((_, h) => rows.flatMap(({ fresh }) => fresh[b]![h]!)));
    expect(cache.arraySync()).toEqual(expected);
    expect(shared.arraySync()).toEqual(before);
  });

  test("a product with a matrix that cacheAppend has changed sees the change", () => {
    const row = tf.tensor([[[[1, 10]]]]);
    let cache: tf.Tensor = tf.tensor([1, 2, 3, 4], [1, 1, 2, 2]);
    const product = () => Array.from(tf.matMul(row, cache).dataSync());
    expect(product()).toEqual([31, 42]);
    const next = cacheAppend(cache, tf.tensor([5, 6], [1, 1, 1, 2]), 1);
    cache.dispose();
    cache = next;
    expect(product()).toEqual([51, 62]);
  });

  test("accumulate adds; globalNorm is the norm of all", () => {
    const [a, b] = [normal([3, 4], "a"), normal([3, 4], "b")];
    const expected = tf.add(a, b);
    expectClose(accumulate(a, b), expected, 1e-6);
    const tensors = [tf.tensor([3]), tf.tensor([[4, 0]]), tf.scalar(12)];
    expect(globalNorm(tensors).shape).toEqual([]);
    expect(globalNorm(tensors).dataSync()[0]).toBeCloseTo(13, 5);
    expect(globalNorm([]).dataSync()[0]).toBe(0);
    expect(clipByGlobalNorm(tensors, undefined).norm.dataSync()[0]).toBeCloseTo(13, 5);
    expect(globalNorm([tf.tensor([1, Number.NaN])]).dataSync()[0]).toBeNaN();
    expect(globalNorm([tf.tensor([1, Number.NEGATIVE_INFINITY])]).dataSync()[0]).toBe(Number.POSITIVE_INFINITY);
  });
});

test.each([
  [
    "a residual of another shape",
    () => linear(tf.ones([2, 3]), tf.ones([4, 3]), undefined, { residual: tf.ones([4]) }),
    "linear: expected residual [..., out]",
  ],
  [
    "a width that no head has",
    () => selfAttention(tf.ones([1, 2, 8]), { causal: true, numAttentionHeads: 2 }),
    "selfAttention: expected qkv",
  ],
  [
    "heads that do not divide",
    () => selfAttention(tf.ones([1, 2, 14]), { causal: true, numAttentionHeads: 3, numKeyValueHeads: 2 }),
    "selfAttention: expected numAttentionHeads to be a multiple of numKeyValueHeads, got 3 and 2",
  ],
  [
    "more keys than there are",
    () =>
      attention(tf.ones([1, 1, 2, 2]), tf.ones([1, 1, 3, 2]), tf.ones([1, 1, 3, 2]), { causal: true, keyLength: 4 }),
    "attention: expected a keyLength that is a whole number from 2 (queries) to 3 (keys), got 4",
  ],
  [
    "tables for as many positions as heads",
    () => rotaryEmbedding(tf.ones([1, 3, 2, 4]), tf.ones([1, 2, 4]), tf.ones([1, 2, 4]), { layout: "bthd" }),
    "rotaryEmbedding: expected x [batch, seq, heads, headDim]",
  ],
  [
    "a full cache",
    () => cacheAppend(tf.ones([1, 1, 4, 2]), tf.ones([1, 1, 2, 2]), 3),
    "cacheAppend: expected a position of 0 .. 2 for 2 new of 4, got 3",
  ],
  [
    "a sum of another shape",
    () => accumulate(tf.ones([2]), tf.ones([3])),
    "accumulate: expected sum and x of one shape",
  ],
])("%s", (_name, run: () => unknown, message) => {
  expect(run).toThrow(message);
});
