/** Convolutions with every attribute of TensorFlow.js, fused ones and gradients, against the CPU backend. */
import "@tensorflow/tfjs-backend-cpu";
import { engineStats } from "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";

type Body = () => tf.Tensor[];

async function on(backend: string, body: Body): Promise<Float32Array[]> {
  await tf.setBackend(backend);
  const results = tf.tidy(body);
  const values = await Promise.all(results.map((result) => result.data<"float32">()));
  for (const result of results) result.dispose();
  return values;
}

async function expectSame(body: Body): Promise<void> {
  const expected = await on("cpu", body);
  const before = JSON.stringify(engineStats().fallbacks);
  const got = await on("engine", body);
  expect(JSON.stringify(engineStats().fallbacks)).toBe(before);
  for (const [i, values] of got.entries()) {
    expect(values.length).toBe(expected[i]!.length);
    for (const [j, value] of values.entries()) expect(value).toBeCloseTo(expected[i]![j]!, 4);
  }
}

function values(shape: number[], seed: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + seed)),
    shape,
  );
}

const PADS = [
  "same",
  "valid",
  1,
  [
    [0, 0],
    [2, 1],
    [0, 2],
    [0, 0],
  ],
] as const;
const STRIDES: [number, number][] = [
  [1, 1],
  [2, 1],
  [2, 3],
];

describe.each([
  ["Conv2D", tf.conv2d],
  ["DepthwiseConv2dNative", tf.depthwiseConv2d],
] as const)("%s", (kernel, convolve) => {
  test.each(PADS)("strides and gradients with padding %j", async (pad) => {
    for (const strides of STRIDES) {
      await expectSame(() => {
        const x = values([2, 7, 8, 3], 1) as tf.Tensor4D;
        const filter = values([3, 2, 3, 4], 2) as tf.Tensor4D;
        const y = convolve(x, filter, strides, pad as "same");
        const dy = values(y.shape, 3);
        // Without gradients registered: TensorFlow.js' core alone has none.
        const attributes = {
          strides,
          pad,
          dilations: 1,
          dataFormat: "NHWC",
          inputShape: x.shape,
          filterShape: filter.shape,
        };
        const run = (of: string, inputs: tf.NamedTensorMap): tf.Tensor =>
          tf.engine().runKernel(`${kernel}Backprop${of}`, inputs, attributes as object as tf.NamedAttrMap);
        return [y, run("Input", { dy, filter }), run("Filter", { x, dy })];
      });
    }
  });

  test("dilations", () =>
    expectSame(() => [
      convolve(
        values([1, 9, 9, 2], 1) as tf.Tensor4D,
        values([3, 3, 2, 2], 2) as tf.Tensor4D,
        1,
        "same",
        "NHWC",
        [2, 3],
      ),
    ]));
});

test.each(["linear", "relu", "relu6", "elu", "leakyrelu", "prelu"] as const)(
  "fused convolutions with %s",
  (activation) =>
    expectSame(() => {
      const x = values([1, 6, 6, 3], 1) as tf.Tensor4D;
      const filter = values([3, 3, 3, 2], 2) as tf.Tensor4D;
      const rest = { strides: 1, pad: "valid" as const, activation, leakyreluAlpha: 0.3 };
      const prelu = (channels: number) =>
        activation === "prelu" ? { preluActivationWeights: values([channels], 4) } : {};
      return [
        tf.fused.conv2d({ x, filter, bias: values([2], 3), ...prelu(2), ...rest }),
        tf.fused.depthwiseConv2d({ x, filter, bias: values([6], 3), ...prelu(6), ...rest }),
      ];
    }),
);

test("a transposed convolution", () =>
  expectSame(() => [
    tf.conv2dTranspose(
      values([1, 4, 4, 3], 1) as tf.Tensor4D,
      values([3, 3, 2, 3], 2) as tf.Tensor4D,
      [1, 8, 8, 2],
      2,
      "same",
    ),
  ]));
