/** Kernels that move numbers, and those that gather and scatter rows. */
import { type FuzzTensor, type Generators, type Random, sizeOf } from "./cases.ts";

export const LAYOUT: Generators = {
  Transpose: (random) => {
    const shape = random.shape(random.integer(0, 6), 20_000);
    return { inputs: { x: random.tensor(shape) }, attributes: { perm: random.permutation(shape.length) } };
  },
  Slice: (random) => {
    const shape = random.shape(random.integer(1, 5));
    const begin = shape.map((size) => random.integer(0, size));
    const size = shape.map((whole, axis) => (random.chance(0.2) ? -1 : random.integer(0, whole - begin[axis]!)));
    return { inputs: { x: random.tensor(shape) }, attributes: { begin, size } };
  },
  StridedSlice: (random) => {
    const shape = random.shape(random.integer(1, 4)).map((size) => Math.max(size, 1));
    // The CPU backend takes wrong elements where an axis is shrunk and another has steps, and without steps it throws where begin is behind end.
    const shrinkAxisMask = random.chance(0.7) ? 0 : random.integer(0, 2 ** shape.length - 1);
    const strides = shape.map(() => (shrinkAxisMask === 0 ? random.pick([1, 1, 2, 3, -1, -2]) : 1));
    const isSimple = strides.every((step) => step === 1);
    const begin = shape.map((size) => random.integer(isSimple ? 0 : -size, size - 1));
    const end = shape.map((size, axis) => random.integer(isSimple ? begin[axis]! : -size, size));
    const mask = (): number => (random.chance(0.5) ? 0 : random.integer(0, 2 ** shape.length - 1));
    return {
      inputs: { x: random.tensor(shape) },
      attributes: {
        begin,
        end,
        strides,
        beginMask: mask(),
        endMask: mask(),
        ellipsisMask: 0,
        newAxisMask: 0,
        shrinkAxisMask,
      },
    };
  },
  Reverse: (random) => {
    const shape = random.shape(random.integer(0, 5));
    return { inputs: { x: random.tensor(shape) }, attributes: { dims: random.axes(shape.length) } };
  },
  FlipLeftRight: (random) => ({ inputs: { image: random.float32(random.shape(4)) }, attributes: {} }),
  Concat: (random) => {
    const shape = random.shape(random.integer(1, 4), 800);
    const axis = random.integer(0, shape.length - 1);
    const { dtype } = random.tensor([]);
    const inputs = Array.from({ length: random.integer(1, 5) }, () => {
      const part = shape.map((size, dim) => (dim === axis ? random.integer(0, 9) : size));
      return random.tensor(part, [dtype]);
    });
    return { inputs, attributes: { axis } };
  },
  Pack: (random) => {
    const shape = random.shape(random.integer(0, 4), 800);
    const { dtype } = random.tensor([]);
    const inputs = Array.from({ length: random.integer(1, 5) }, () => random.tensor(shape, [dtype]));
    return { inputs, attributes: { axis: random.integer(0, shape.length) } };
  },
  SplitV: (random) => {
    const shape = random.shape(random.integer(1, 4));
    const axis = random.integer(0, shape.length - 1);
    const sizes = Array.from({ length: random.integer(1, 4) }, () => random.integer(0, 5));
    shape[axis] = sizes.reduce((sum, size) => sum + size, 0);
    return { inputs: { x: random.tensor(shape) }, attributes: { numOrSizeSplits: sizes, axis } };
  },
  Unpack: (random) => {
    const shape = random.shape(random.integer(1, 4));
    const axis = random.integer(0, shape.length - 1);
    shape[axis] = random.integer(1, 5);
    return { inputs: { value: random.tensor(shape) }, attributes: { axis } };
  },
  Tile: (random) => {
    const shape = random.shape(random.integer(1, 4), 300);
    const reps = shape.map(() => random.integer(0, 3));
    return { inputs: { x: random.tensor(shape) }, attributes: { reps } };
  },
  PadV2: (random) => {
    const shape = random.shape(random.integer(1, 4), 600);
    const paddings = shape.map(() => [random.integer(0, 3), random.integer(0, 3)]);
    return {
      inputs: { x: random.tensor(shape) },
      attributes: { paddings, constantValue: random.pick([0, 0, 1, -2.5, 7]) },
    };
  },
  MirrorPad: (random) => {
    const shape = random.shape(random.integer(1, 4), 600).map((size) => Math.max(size, 1));
    const mode = random.pick(["reflect", "symmetric"]);
    const most = (size: number): number => Math.min(mode === "reflect" ? size - 1 : size, 4);
    const paddings = shape.map((size) => [random.integer(0, most(size)), random.integer(0, most(size))]);
    return { inputs: { x: random.tensor(shape) }, attributes: { paddings, mode } };
  },
  DepthToSpace: (random) => {
    const blockSize = random.integer(2, 3);
    const [batch, height, width, channels] = random.shape(4, 300);
    const shape = [batch!, height!, width!, channels! * blockSize * blockSize];
    return { inputs: { x: random.float32(shape) }, attributes: { blockSize, dataFormat: "NHWC" } };
  },
  SpaceToBatchND: (random) => {
    const { blockShape, before, spatial, after } = blocks(random);
    const shape = [random.integer(1, 3), ...spatial, ...random.shape(random.integer(0, 1), 8)];
    const paddings = blockShape.map((_, axis) => [before[axis]!, after[axis]!]);
    return { inputs: { x: random.tensor(shape) }, attributes: { blockShape, paddings } };
  },
  BatchToSpaceND: (random) => {
    const { blockShape, before, spatial, after } = blocks(random);
    const whole = blockShape.map((block, axis) => (before[axis]! + spatial[axis]! + after[axis]!) / block);
    const shape = [sizeOf(blockShape) * random.integer(1, 3), ...whole, ...random.shape(random.integer(0, 1), 8)];
    const crops = blockShape.map((_, axis) => [before[axis]!, after[axis]!]);
    return { inputs: { x: random.tensor(shape) }, attributes: { blockShape, crops } };
  },
  GatherV2: (random) => {
    const shape = random.shape(random.integer(1, 4), 2000).map((size) => Math.max(size, 1));
    const axis = random.integer(0, shape.length - 1);
    const batchDims = random.integer(0, axis);
    const places = [...shape.slice(0, batchDims), ...random.shape(random.integer(0, 2), 40)];
    const indices = random.int32(places, 0, shape[axis]! - 1);
    return { inputs: { x: random.tensor(shape), indices }, attributes: { axis, batchDims } };
  },
  GatherNd: (random) => {
    const shape = random.shape(random.integer(1, 4)).map((size) => Math.max(size, 1));
    const indices = coordinates(random, shape, random.integer(1, shape.length));
    return { inputs: { params: random.tensor(shape), indices }, attributes: {} };
  },
  ScatterNd: (random) => {
    const shape = random.shape(random.integer(1, 4)).map((size) => Math.max(size, 1));
    const axes = random.integer(1, shape.length);
    const indices = coordinates(random, shape, axes);
    // Whole numbers: what falls on one place is added in float32 by both.
    const updates = random.int32([indices.shape[0]!, ...shape.slice(axes)]);
    return {
      inputs: {
        indices,
        updates: random.chance(0.5)
          ? updates
          : { ...updates, dtype: "float32", values: Float32Array.from(updates.values) },
      },
      attributes: { shape },
    };
  },
  TensorScatterUpdate: (random) => {
    const shape = random.shape(random.integer(1, 4)).map((size) => Math.max(size, 1));
    const axes = random.integer(1, shape.length);
    const indices = coordinates(random, shape, axes);
    const tensor = random.tensor(shape);
    const updates = random.tensor([indices.shape[0]!, ...shape.slice(axes)], [tensor.dtype]);
    return { inputs: { tensor, indices, updates }, attributes: {} };
  },
  UnsortedSegmentSum: (random) => {
    const [count, ...rest] = random.shape(random.integer(1, 3));
    const numSegments = random.integer(1, 9);
    // No infinities: the CPU backend multiplies every row with 0 for the segments that it is not in.
    const x = random.chance(0.7) ? random.float32([count!, ...rest], { special: 0 }) : random.int32([count!, ...rest]);
    const segmentIds = random.int32([count!], -1, numSegments);
    return { inputs: { x, segmentIds }, attributes: { numSegments }, tolerance: { magnitude: 1e-5 } };
  },
};

/** Rows of indices into the first axes of a shape. */
function coordinates(random: Random, shape: readonly number[], axes: number): FuzzTensor {
  const count = random.integer(0, 30);
  const values = Int32Array.from({ length: count * axes }, (_, i) => random.integer(0, shape[i % axes]! - 1));
  return { dtype: "int32", shape: [count, axes], values };
}

function blocks(random: Random): { blockShape: number[]; before: number[]; spatial: number[]; after: number[] } {
  const blockShape = Array.from({ length: random.integer(1, 2) }, () => random.integer(1, 3));
  const before = blockShape.map(() => random.integer(0, 3));
  const spatial = blockShape.map(() => random.integer(1, 9));
  const after = blockShape.map((block, axis) => (block - ((before[axis]! + spatial[axis]!) % block)) % block);
  return { blockShape, before, spatial, after };
}
