/** Reductions over axes and what runs along one. */
import type { Generator, Generators, Random } from "./cases.ts";

/** Sums in float32 lanes against one in float64. */
const SUMMED = { magnitude: 2e-6 };

export const REDUCTIONS: Generators = {
  Sum: reduction(["float32", "int32", "bool"], { tolerance: SUMMED }),
  Mean: reduction(["float32"], { tolerance: SUMMED }),
  Prod: reduction(["float32", "int32"], {
    tolerance: { relative: 1e-5, absolute: 1e-37 },
    low: 0.5,
    high: 1.5,
    most: 1,
  }),
  Max: reduction(["float32", "int32"], { name: "reductionIndices" }),
  Min: reduction(["float32", "int32"]),
  All: reduction(["bool"]),
  Any: reduction(["bool"]),
  ArgMax: alongOneAxis,
  ArgMin: alongOneAxis,
  Cumsum: cumulative({ magnitude: 1e-5 }),
  Cumprod: cumulative({ relative: 1e-5, absolute: 1e-37 }, 0.5, 1.5),
  TopK: (random) => {
    const shape = random.shape(random.integer(1, 3));
    const last = Math.max(shape.at(-1)!, 1);
    const x = [...shape.slice(0, -1), last];
    const many = random.chance(0.5) ? random.int32(x, -3, 3) : random.float32(x, { special: 0 });
    return { inputs: { x: many }, attributes: { k: random.integer(1, last), sorted: true } };
  },
  Softmax: (random) => ({
    inputs: {
      logits: random.float32(random.shape(random.integer(1, 3)), { low: -30, high: 30, special: 0.1, huge: false }),
    },
    attributes: { dim: -1 },
    tolerance: { relative: 1e-5, absolute: 1e-12 },
  }),
};

function reduction(
  dtypes: readonly ("float32" | "int32" | "bool")[],
  { tolerance = {}, name = "axis", low = -3, high = 3, most = 20 } = {},
): Generator {
  return (random) => {
    const shape = filledShape(random);
    const dtype = random.pick(dtypes);
    const x =
      dtype === "float32"
        ? random.float32(shape, { low, high, huge: false })
        : dtype === "int32"
          ? random.int32(shape, -most, most)
          : random.bool(shape);
    const axes = random.axes(shape.length);
    return {
      inputs: { x },
      attributes: { [name]: random.chance(0.2) ? null : axes, keepDims: random.chance(0.3) },
      tolerance,
    };
  };
}

function alongOneAxis(random: Random): ReturnType<Generator> {
  const shape = filledShape(random);
  if (shape.length === 0) shape.push(3);
  // Whole numbers, so that there are ties.
  const x = random.chance(0.5) ? random.int32(shape, -4, 4) : random.float32(shape);
  return { inputs: { x }, attributes: { axis: random.integer(-shape.length, shape.length - 1) } };
}

function cumulative(tolerance: object, low = -3, high = 3): Generator {
  return (random) => {
    const shape = filledShape(random);
    if (shape.length === 0) shape.push(3);
    const x = random.chance(0.3) ? random.int32(shape, -2, 2) : random.float32(shape, { low, high, special: 0 });
    const axis = random.integer(0, shape.length - 1);
    return {
      inputs: { x },
      attributes: { axis, exclusive: random.chance(0.5), reverse: random.chance(0.5) },
      tolerance,
    };
  };
}

/** Of nothing the CPU backend's reductions give what happens to lie in an array; here every axis has something. */
function filledShape(random: Random): number[] {
  if (random.chance(0.03)) return [random.integer(33_000, 60_000)];
  return random.shape(random.integer(0, 5)).map((size) => Math.max(size, 1));
}
