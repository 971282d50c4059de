import { createStream } from "@codex/random";
import { selectDevice } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";

/**
 * Gradients of the plain ops, which plugin authors write models with, against central differences along a random direction. The
 * inputs stay clear of kinks and poles; step 1e-2 in float32 leaves an error of about 1e-3, relative to the size of the slope.
 */
type F = (...inputs: tf.Tensor[]) => tf.Tensor;
type Domain = "any" | "positive" | "unit" | "above one";

// Made inside a case: a tensor belongs to the device that is selected when it is made.
const indices = () => tf.tensor1d([2, 0, 2], "int32");
const batched = () =>
  tf.tensor2d(
    [
      [2, 0, 2],
      [1, 1, 3],
    ],
    [2, 3],
    "int32",
  );

const CASES: readonly [name: string, f: F, shapes: number[][], domain?: Domain][] = [
  ["abs", tf.abs, [[6]]],
  ["acos", tf.acos, [[6]], "unit"],
  ["acosh", tf.acosh, [[6]], "above one"],
  [
    "add, broadcast",
    tf.add,
    [
      [2, 3, 4],
      [3, 1],
    ],
  ],
  ["addN", (a, b) => tf.addN([a!, b!]), [[3], [3]]],
  ["asin", tf.asin, [[6]], "unit"],
  ["asinh", tf.asinh, [[6]]],
  ["atan", tf.atan, [[6]]],
  ["atan2", tf.atan2, [[6], [6]], "positive"],
  ["atanh", tf.atanh, [[6]], "unit"],
  [
    "batched matMul",
    (a, b) => tf.matMul(a!, b!),
    [
      [2, 3, 4],
      [2, 4, 5],
    ],
  ],
  [
    "batched matMul, a transposed",
    (a, b) => tf.matMul(a!, b!, true),
    [
      [2, 4, 3],
      [2, 4, 5],
    ],
  ],
  [
    "batched matMul, b transposed",
    (a, b) => tf.matMul(a!, b!, false, true),
    [
      [2, 3, 4],
      [2, 5, 4],
    ],
  ],
  [
    "batched matMul, both transposed",
    (a, b) => tf.matMul(a!, b!, true, true),
    [
      [2, 4, 3],
      [2, 5, 4],
    ],
  ],
  [
    "matMul, broadcast",
    (a, b) => tf.matMul(a!, b!),
    [
      [2, 3, 4],
      [1, 4, 5],
    ],
  ],
  ["broadcastTo", (x) => tf.broadcastTo(x!, [2, 3, 4]), [[3, 1]]],
  ["cast", (x) => tf.cast(x!, "float32"), [[4]]],
  ["clipByValue", (x) => tf.clipByValue(x!, -0.05, 0.05), [[6]]],
  ["clone", tf.clone, [[4]]],
  [
    "concat",
    (a, b) => tf.concat([a!, b!], 1),
    [
      [2, 3],
      [2, 2],
    ],
  ],
  ["cos", tf.cos, [[6]]],
  ["cosh", tf.cosh, [[6]]],
  ["cumsum", (x) => tf.cumsum(x!, 1), [[2, 5]]],
  ["cumsum, exclusive and reversed", (x) => tf.cumsum(x!, 1, true, true), [[2, 5]]],
  ["div, broadcast", tf.div, [[2, 3], [3]], "positive"],
  ["elu", tf.elu, [[6]]],
  ["erf", tf.erf, [[6]]],
  ["exp", tf.exp, [[6]]],
  ["expandDims", (x) => tf.expandDims(x!, 1), [[2, 3]]],
  ["expm1", tf.expm1, [[6]]],
  ["gather", (x) => tf.gather(x!, indices()), [[4, 3]]],
  ["gather along an inner axis", (x) => tf.gather(x!, indices(), 1), [[2, 4, 3]]],
  ["gather within batches", (x) => tf.gather(x!, batched(), 1, 1), [[2, 4, 3]]],
  ["gather within batches, along an inner axis", (x) => tf.gather(x!, batched(), 2, 1), [[2, 3, 4]]],
  ["leakyRelu", (x) => tf.leakyRelu(x!, 0.1), [[6]]],
  ["log", tf.log, [[6]], "positive"],
  ["log1p", tf.log1p, [[6]], "positive"],
  ["logSumExp", (x) => tf.logSumExp(x!, 1), [[2, 5]]],
  ["logSoftmax", (x) => tf.logSoftmax(x!), [[2, 5]]],
  ["max", (x) => tf.max(tf.add(x!, [0, 3, 6, 1, 4]), 1), [[2, 5]]],
  ["maximum", tf.maximum, [[2, 4], [4]]],
  ["mean", (x) => tf.mean(x!, 1), [[2, 5]]],
  ["mean of all", (x) => tf.mean(x!), [[2, 5]]],
  ["min", (x) => tf.min(tf.add(x!, [[3], [0], [9], [6]]), 0), [[4, 2]]],
  ["minimum", tf.minimum, [[2, 4], [4]]],
  [
    "mul, broadcast",
    tf.mul,
    [
      [2, 3],
      [2, 1],
    ],
  ],
  ["neg", tf.neg, [[4]]],
  [
    "pad",
    (x) =>
      tf.pad(x!, [
        [1, 0],
        [2, 1],
      ]),
    [[2, 3]],
  ],
  ["pow", tf.pow, [[5], [5]], "positive"],
  ["reciprocal", tf.reciprocal, [[5]], "positive"],
  ["relu", tf.relu, [[6]]],
  ["relu6", (x) => tf.relu6(tf.mul(x!, 8)), [[6]]],
  ["reshape", (x) => tf.reshape(x!, [3, 2]), [[2, 3]]],
  ["reverse", (x) => tf.reverse(x!, 1), [[2, 3]]],
  ["rsqrt", tf.rsqrt, [[6]], "positive"],
  ["sigmoid", tf.sigmoid, [[6]]],
  ["sin", tf.sin, [[6]]],
  ["sinh", tf.sinh, [[6]]],
  ["slice", (x) => tf.slice(x!, [0, 1], [2, 2]), [[3, 4]]],
  ["slice of the first axis", (x) => tf.slice(x!, 1, 2), [[4, 2]]],
  ["softmax", (x) => tf.softmax(x!), [[2, 5]]],
  ["softplus", tf.softplus, [[6]]],
  ["split", (x) => tf.mul(...(tf.split(x!, 2, 1) as [tf.Tensor, tf.Tensor])), [[2, 4]]],
  ["split, one part unused", (x) => tf.split(x!, [1, 3], 1)[1]!, [[2, 4]]],
  ["sqrt", tf.sqrt, [[6]], "positive"],
  ["square", tf.square, [[6]]],
  ["squaredDifference", tf.squaredDifference, [[2, 3], [3]]],
  ["squeeze", (x) => tf.squeeze(x!), [[2, 1, 3]]],
  [
    "stack",
    (a, b) => tf.stack([a!, b!], 1),
    [
      [2, 3],
      [2, 3],
    ],
  ],
  ["sub, broadcast", tf.sub, [[3], [2, 3]]],
  ["sum", (x) => tf.sum(x!, [0, 2]), [[2, 3, 4]]],
  ["sum, dimensions kept", (x) => tf.sum(x!, -1, true), [[2, 3]]],
  ["sum of the leading dimensions", (x) => tf.sum(x!, [0, 1], true), [[2, 3, 4]]],
  ["tan", tf.tan, [[6]]],
  ["tanh", tf.tanh, [[6]]],
  ["tile", (x) => tf.tile(x!, [3, 2]), [[2, 3]]],
  ["transpose", (x) => tf.transpose(x!, [2, 0, 1]), [[2, 3, 4]]],
  ["unsortedSegmentSum", (x) => tf.unsortedSegmentSum(x!, indices(), 4), [[3, 2]]],
  ["unstack", (x) => tf.unstack(x!, 1)[1]!, [[2, 3]]],
  ["where, on a comparison", (a, b) => tf.where(tf.greater(a!, 0), tf.mul(a!, 2), b!), [[6], [6]]],
];

const DOMAINS: Record<Domain, (x: number) => number> = {
  any: (x) => Math.sign(x - 0.5) * (0.1 + Math.abs(x - 0.5)), // 0.1 to 0.6 on both sides of the kink at 0
  positive: (x) => 0.5 + x,
  unit: (x) => 0.8 * (2 * x - 1),
  "above one": (x) => 1.5 + x,
};

const stream = createStream(5, "gradient test");

function draw(shape: number[], name: string, map = (x: number) => 2 * x - 1): tf.Tensor {
  const values = stream.substream(name).fillUniform(new Float32Array(tf.util.sizeFromShape(shape)));
  return tf.tensor(values.map(map), shape);
}

function dot(a: tf.Tensor, b: tf.Tensor): number {
  return tf.sum(tf.mul(a, b)).dataSync()[0]!;
}

describe.each(presentDevices)("gradients of plain ops on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  test.each(CASES)("%s", (name, f, shapes, domain = "any") => {
    tf.tidy(() => {
      const inputs = shapes.map((shape, i) => draw(shape, `${name} ${i}`, DOMAINS[domain]));
      const dy = draw(f(...inputs).shape, `${name} dy`);
      const gradients = tf.grads((...values: tf.Tensor[]) => f(...values))(inputs, dy);
      inputs.forEach((input, which) => {
        expect(gradients[which]!.shape).toEqual(input.shape);
        const direction = draw(input.shape, `${name} direction ${which}`);
        const along = (step: number) =>
          dot(f(...inputs.map((x, i) => (i === which ? tf.add(x, tf.mul(direction, step)) : x))), dy);
        const slope = (along(1e-2) - along(-1e-2)) / 2e-2;
        const expected = dot(gradients[which]!, direction);
        expect(Math.abs(slope - expected)).toBeLessThan(5e-3 * (1 + Math.abs(expected)));
      });
    });
  });

  test.each([
    ["round", tf.round],
    ["floor", tf.floor],
    ["ceil", tf.ceil],
    ["sign", tf.sign],
    ["step", tf.step],
  ] as const)("%s is flat", (_name, f) => {
    const gradient = tf.grad((x: tf.Tensor) => tf.add(f(x), x))(tf.tensor([0.4, -1.3]));
    expect(Array.from(gradient.dataSync())).toEqual([1, 1]);
  });
});
