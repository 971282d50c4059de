/** Kernels on images in NHWC. */
import type { FuzzTensor, Generator, Generators, Random } from "./cases.ts";

export const IMAGES: Generators = {
  MaxPool: (random) => {
    const { x, attributes } = pooling(random);
    return { inputs: { x }, attributes };
  },
  AvgPool: (random) => {
    const { x, attributes } = pooling(random);
    return { inputs: { x }, attributes, tolerance: { magnitude: 1e-5 } };
  },
  MaxPoolGrad: (random) => {
    const { x, attributes, outShape } = pooling(random);
    const dy = random.float32(outShape, { special: 0 });
    return { inputs: { dy, input: x, output: random.float32(outShape) }, attributes, tolerance: { absolute: 1e-4 } };
  },
  AvgPoolGrad: (random) => {
    const { x, attributes, outShape } = pooling(random);
    return {
      inputs: { dy: random.float32(outShape, { special: 0 }), input: x },
      attributes,
      tolerance: { magnitude: 1e-5 },
    };
  },
  ResizeBilinear: (random) => ({ ...resize(random), tolerance: { magnitude: 1e-6 } }),
  ResizeNearestNeighbor: resize,
  ResizeBilinearGrad: (random) => ({ ...resizeGradient(random), tolerance: { magnitude: 1e-5 } }),
  FusedBatchNorm: batchNorm,
  ResizeNearestNeighborGrad: (random) => ({ ...resizeGradient(random), tolerance: { magnitude: 1e-5 } }),
};

function pooling(random: Random): { x: FuzzTensor; attributes: object; outShape: number[] } {
  const [filter, stride] = [
    [random.integer(1, 4), random.integer(1, 4)],
    [random.integer(1, 3), random.integer(1, 3)],
  ];
  const pad = random.pick(["valid", "same"] as const);
  const shape = [random.integer(1, 3), random.integer(4, 17), random.integer(4, 17), random.pick([1, 2, 3, 8, 17])];
  const along = (axis: number): number => {
    const [size, step] = [filter[axis]!, stride[axis]!];
    return Math.ceil((pad === "same" ? shape[axis + 1]! : shape[axis + 1]! - size + 1) / step);
  };
  return {
    x: random.float32(shape, { huge: false }),
    attributes: { filterSize: filter, strides: stride, pad },
    outShape: [shape[0]!, along(0), along(1), shape[3]!],
  };
}

function batchNorm(random: Random): ReturnType<Generator> {
  const channels = random.pick([1, 3, 8, 17]);
  const shape = [random.integer(0, 3), random.integer(1, 9), random.integer(1, 9), channels];
  const moments = random.chance(0.8) ? [channels] : shape;
  const draw = (): FuzzTensor => random.float32(moments, { special: 0 });
  const variance = draw();
  variance.values.set(variance.values.map((value) => Math.abs(value) + 0.1));
  return {
    inputs: {
      x: random.float32(shape, { huge: false }),
      mean: draw(),
      variance,
      ...(random.chance(0.7) ? { offset: draw() } : {}),
      ...(random.chance(0.7) ? { scale: draw() } : {}),
    },
    attributes: { varianceEpsilon: 1e-3 },
    tolerance: { absolute: 1e-5, relative: 1e-5 },
  };
}

function resize(random: Random): ReturnType<Generator> {
  const shape = [random.integer(1, 2), random.integer(1, 9), random.integer(1, 9), random.pick([1, 3, 8])];
  const alignCorners = random.chance(0.4);
  const size = [random.integer(1, 12), random.integer(1, 12)];
  return {
    inputs: { images: random.float32(shape, { huge: false }) },
    attributes: { alignCorners, halfPixelCenters: !alignCorners && random.chance(0.5), size },
  };
}

/**
 * The CPU backend gives the gradient of a bilinear resize the sides of the image in the wrong order, and looks for the second image of a
 * batch in the wrong place of a nearest-neighbour gradient: one square has neither. On one pixel with aligned corners it loops for ever.
 */
function resizeGradient(random: Random): ReturnType<Generator> {
  const [side, channels] = [random.integer(2, 9), random.pick([1, 3, 8])];
  const images = random.float32([1, side, side, channels]);
  const dy = random.float32([1, random.integer(1, 12), random.integer(1, 12), channels], { special: 0 });
  return { inputs: { images, dy }, attributes: { alignCorners: random.chance(0.5) } };
}
