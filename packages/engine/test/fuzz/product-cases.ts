/** Products of matrices and convolutions. */
import type { FuzzTensor, Generator, Generators, Random } from "./cases.ts";

/** Sums in float32, of up to a thousand terms and in another order. */
const SUMMED = { magnitude: 5e-6 };

/** Around the edges of tiles (6, 12, 14, 16, 32 and 48 numbers) and of the blocks in the common dimension (384). */
const SIZES = [1, 2, 3, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97];
const INNER = [...SIZES, 127, 128, 129, 383, 384, 385, 769];

export const PRODUCTS: Generators = {
  BatchMatMul: (random) => {
    const { a, b, transposeA, transposeB } = product(random);
    return { inputs: { a, b }, attributes: { transposeA, transposeB }, tolerance: SUMMED };
  },
  _FusedMatMul: (random) => {
    const { a, b, columns, transposeA, transposeB } = product(random);
    const activation = random.pick(["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu", "prelu"]);
    const bias = random.float32(random.pick([[columns], [1, columns], [1]]), { special: 0 });
    const inputs: Record<string, FuzzTensor> = { a, b };
    if (random.chance(0.7)) inputs["bias"] = bias;
    if (activation === "prelu") inputs["preluActivationWeights"] = random.float32([1], { special: 0 });
    return {
      inputs,
      attributes: { transposeA, transposeB, activation, leakyreluAlpha: 0.3 },
      // What lies around the corner of an activation may fall on either side; slopes are at most 3.
      tolerance: { absolute: 2e-4, relative: 1e-5 },
    };
  },
  Conv2D: convolution("Conv2D"),
  FusedConv2D: convolution("FusedConv2D"),
  Conv2DBackpropInput: convolution("Conv2DBackpropInput"),
  Conv2DBackpropFilter: convolution("Conv2DBackpropFilter"),
  DepthwiseConv2dNative: convolution("DepthwiseConv2dNative"),
  FusedDepthwiseConv2D: convolution("FusedDepthwiseConv2D"),
  DepthwiseConv2dNativeBackpropInput: convolution("DepthwiseConv2dNativeBackpropInput"),
  DepthwiseConv2dNativeBackpropFilter: convolution("DepthwiseConv2dNativeBackpropFilter"),
};

function product(random: Random): {
  a: FuzzTensor;
  b: FuzzTensor;
  columns: number;
  transposeA: boolean;
  transposeB: boolean;
} {
  const inner = random.pick(INNER);
  const size = (): number => (random.chance(0.03) ? 0 : random.pick(SIZES.filter((size) => size * inner < 20_000)));
  const [rows, columns] = [size(), size()];
  const [transposeA, transposeB] = [random.chance(0.4), random.chance(0.4)];
  const batch = random.chance(0.5) ? [] : random.pick([[1], [2], [3], [2, 2]]);
  const other = random.chance(0.7) ? batch : batch.map(() => 1);
  const [first, second] = random.chance(0.5) ? [batch, other] : [other, batch];
  // The CPU backend wants two axes of three: [1, m, k].
  const lead = (axes: readonly number[]): number[] => (axes.length === 0 ? [1] : [...axes]);
  const a = random.float32([...lead(first), ...(transposeA ? [inner, rows] : [rows, inner])], { special: 0 });
  const b = random.float32([...lead(second), ...(transposeB ? [columns, inner] : [inner, columns])], { special: 0 });
  return { a, b, columns, transposeA, transposeB };
}

function convolution(kernel: string): Generator {
  return (random) => {
    const depthwise = kernel.includes("Depthwise");
    const [inChannels, outChannels] = [random.pick([1, 2, 3, 8, 17]), random.pick([1, 2, 4, 9, 16])];
    const filter = [random.integer(1, 4), random.integer(1, 4)] as const;
    const dilated = random.chance(0.2) && !kernel.includes("Backprop");
    const dilations = dilated ? [random.integer(1, 2), random.integer(1, 2)] : [1, 1];
    const strides = dilated ? [1, 1] : [random.integer(1, 3), random.integer(1, 3)];
    const pad = random.pick(["valid", "same"] as const);
    const shape = [random.integer(1, 3), random.integer(7, 12), random.integer(7, 12), inChannels];
    const multiplier = random.integer(1, 3);
    const filterShape = [...filter, inChannels, depthwise ? multiplier : outChannels];
    const depth = depthwise ? inChannels * multiplier : outChannels;
    const along = (axis: number): number => {
      const size = (filter[axis]! - 1) * dilations[axis]! + 1;
      return Math.ceil((pad === "same" ? shape[axis + 1]! : shape[axis + 1]! - size + 1) / strides[axis]!);
    };
    const outShape = [shape[0]!, along(0), along(1), depth];
    const tensor = (shape: number[]): FuzzTensor => random.float32(shape, { special: 0 });
    const attributes = { strides, pad, dilations, dataFormat: "NHWC", dimRoundingMode: undefined };
    if (kernel.endsWith("BackpropInput")) {
      const inputs = { dy: tensor(outShape), filter: tensor(filterShape) };
      return { inputs, attributes: { ...attributes, inputShape: shape }, tolerance: SUMMED };
    }
    if (kernel.endsWith("BackpropFilter")) {
      const inputs = { x: tensor(shape), dy: tensor(outShape) };
      return { inputs, attributes: { ...attributes, filterShape }, tolerance: SUMMED };
    }
    const inputs: Record<string, FuzzTensor> = { x: tensor(shape), filter: tensor(filterShape) };
    if (!kernel.startsWith("Fused")) return { inputs, attributes, tolerance: SUMMED };
    const activation = random.pick(["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu", "prelu"]);
    if (random.chance(0.7)) inputs["bias"] = tensor([depth]);
    if (activation === "prelu") inputs["preluActivationWeights"] = tensor([1, 1, depth]);
    return {
      inputs,
      attributes: { ...attributes, activation, leakyreluAlpha: 0.3 },
      tolerance: { absolute: 2e-4, relative: 1e-5 },
    };
  };
}
