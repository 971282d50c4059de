/** Functions of one tensor, of two that are broadcast to each other, and tensors made from numbers. */
import type { FuzzTensor, Generator, Generators, Random, Tolerance } from "./cases.ts";

/** A few units in the last place of float32; numbers so small that they have fewer digits count as zero. */
const ROUNDED: Tolerance = { relative: 1e-6, absolute: 1e-37 };

/** Where the result passes through zero at places that float32 does not hold. */
const PERIODIC: Tolerance = { relative: 1e-6, absolute: 2e-7 };

const FLOAT_FUNCTIONS: Readonly<Record<string, { tolerance?: Tolerance; low?: number; high?: number }>> = {
  Acos: { tolerance: PERIODIC, low: -1.2, high: 1.2 },
  Acosh: { tolerance: PERIODIC, low: 0.5, high: 20 },
  Asin: { tolerance: PERIODIC, low: -1.2, high: 1.2 },
  Asinh: { low: -50, high: 50 },
  Atan: { low: -20, high: 20 },
  Atanh: { low: -1.1, high: 1.1 },
  Cos: { tolerance: PERIODIC, low: -30, high: 30 },
  Cosh: {},
  Elu: {},
  Erf: { tolerance: { absolute: 5e-7 } }, // the CPU backend's polynomial is good for 1.5e-7
  Exp: { low: -110, high: 95 },
  Expm1: { low: -20, high: 20 },
  IsFinite: {},
  IsInf: {},
  IsNan: {},
  Log: { tolerance: PERIODIC, low: -0.1, high: 50 },
  Log1p: { tolerance: PERIODIC, low: -1.1, high: 50 },
  Reciprocal: {},
  Rsqrt: { low: -0.1, high: 9 },
  Selu: {},
  Sigmoid: { low: -100, high: 100 },
  Sin: { tolerance: PERIODIC, low: -30, high: 30 },
  Sinh: {},
  Softplus: { low: -40, high: 40 },
  Sqrt: { low: -0.1, high: 9 },
  Tan: { tolerance: { relative: 1e-5, absolute: 2e-7 }, low: -30, high: 30 },
  Tanh: { low: -20, high: 20 },
};

const ROUNDING_FUNCTIONS = ["Ceil", "Floor", "Round"];
const NUMERIC_FUNCTIONS = ["Abs", "Neg", "Relu", "Relu6", "Sign", "Square"];
const ARITHMETIC = ["Add", "Maximum", "Minimum", "Mod", "Multiply", "RealDiv", "SquaredDifference", "Sub"];
const COMPARISONS = ["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual"];

export const ELEMENTWISE: Generators = {
  ...Object.fromEntries(
    Object.entries(FLOAT_FUNCTIONS).map(([name, { tolerance = ROUNDED, ...range }]): [string, Generator] => [
      name,
      (random) => ({ inputs: { x: random.float32(anyShape(random), range) }, attributes: {}, tolerance }),
    ]),
  ),
  ...named(ROUNDING_FUNCTIONS, (random) => ({
    inputs: { x: random.chance(0.2) ? halves(random) : random.tensor(anyShape(random), ["float32", "int32"]) },
    attributes: {},
  })),
  ...named(NUMERIC_FUNCTIONS, (random) => ({
    inputs: { x: random.tensor(anyShape(random), ["float32", "int32"]) },
    attributes: {},
  })),
  LogicalNot: (random) => ({ inputs: { x: random.bool(anyShape(random)) }, attributes: {} }),
  LeakyRelu: (random) => ({
    inputs: { x: random.float32(anyShape(random)) },
    attributes: { alpha: random.pick([0, 0.2, 1.5, -1]) },
    tolerance: ROUNDED,
  }),
  Step: (random) => ({
    inputs: { x: random.tensor(anyShape(random), ["float32", "int32"]) },
    attributes: { alpha: random.pick([0, 2, -3]) },
  }),
  ClipByValue: (random) => ({
    inputs: { x: random.tensor(anyShape(random), ["float32", "int32"]) },
    attributes: { clipValueMin: random.integer(-3, 0), clipValueMax: random.integer(0, 3) },
  }),
  ...named(ARITHMETIC, (random) => ({
    inputs: pair(random, random.pick([["float32"], ["float32"], ["int32"]])),
    attributes: {},
    tolerance: ROUNDED,
  })),
  ...named(COMPARISONS, (random) => ({
    inputs: pair(random, random.pick([["float32"], ["int32"], ["bool"]])),
    attributes: {},
  })),
  ...named(["LogicalAnd", "LogicalOr"], (random) => ({ inputs: pair(random, ["bool"]), attributes: {} })),
  FloorDiv: (random) => ({ inputs: pair(random, random.pick([["float32"], ["int32"]])), attributes: {} }),
  Atan2: (random) => ({ inputs: pair(random, ["float32"]), attributes: {}, tolerance: ROUNDED }),
  Pow: (random) => {
    if (random.chance(0.5)) return { inputs: pair(random, ["float32"]), attributes: {}, tolerance: ROUNDED };
    const [a, b] = broadcastShapes(random);
    return { inputs: { a: random.int32(a, -5, 5), b: random.int32(b, 0, 6) }, attributes: {} };
  },
  Prelu: (random) => {
    const [x, alpha] = broadcastShapes(random);
    return { inputs: { x: random.float32(x), alpha: random.float32(alpha) }, attributes: {}, tolerance: ROUNDED };
  },
  EluGrad: (random) => {
    const shape = anyShape(random);
    return { inputs: { dy: random.float32(shape), y: random.float32(shape) }, attributes: {}, tolerance: ROUNDED };
  },
  AddN: (random) => {
    const [shape, dtype] = [anyShape(random), random.pick(["float32", "int32"] as const)];
    const inputs = Array.from({ length: random.integer(1, 5) }, () => random.tensor(shape, [dtype]));
    return { inputs, attributes: {} };
  },
  Cast: (random) => ({
    inputs: { x: random.tensor(anyShape(random)) },
    attributes: { dtype: random.pick(["float32", "int32", "bool"]) },
  }),
  Select: (random) => {
    const shape = anyShape(random);
    const [t, e] = [random.tensor(shape), random.tensor(shape)];
    return { inputs: { condition: random.bool(shape), t, e }, attributes: {} };
  },
  Fill: (random) => ({
    inputs: {},
    attributes: {
      shape: anyShape(random),
      value: random.pick([0, 1, -2, 1000]),
      dtype: random.pick(["float32", "int32"]),
    },
  }),
  ZerosLike: (random) => ({ inputs: { x: random.tensor(anyShape(random)) }, attributes: {} }),
  OnesLike: (random) => ({ inputs: { x: random.tensor(anyShape(random)) }, attributes: {} }),
  Range: (random) => ({
    inputs: {},
    attributes: {
      start: random.integer(-5, 5),
      stop: random.integer(-30, 30),
      step: random.pick([1, 2, 0.5, -1, -3]),
      dtype: random.pick(["float32", "int32"]),
    },
  }),
  LinSpace: (random) => ({
    inputs: {},
    attributes: { start: random.integer(-5, 5), stop: random.integer(-30, 30), num: random.integer(1, 40) },
    tolerance: { relative: 1e-6, absolute: 1e-5 }, // the CPU backend adds the step again and again, in float32
  }),
  OneHot: (random) => ({
    inputs: { indices: random.int32(random.shape(random.integer(0, 2), 200), -2, 12) },
    attributes: {
      depth: random.integer(1, 10),
      onValue: 1,
      offValue: random.integer(0, 1),
      dtype: random.pick(["float32", "int32"]),
    },
  }),
  Identity: (random) => ({ inputs: { x: random.tensor(anyShape(random)) }, attributes: {} }),
  Reshape: (random) => {
    const shape = anyShape(random);
    return { inputs: { x: random.tensor(shape) }, attributes: { shape: [...shape].reverse() } };
  },
  ExpandDims: (random) => {
    const shape = anyShape(random);
    return {
      inputs: { input: random.tensor(shape) },
      attributes: { dim: random.integer(-shape.length - 1, shape.length) },
    };
  },
};

function named(names: readonly string[], generate: Generator): Generators {
  return Object.fromEntries(names.map((name) => [name, generate]));
}

/** Now and then large enough for several tasks. */
function anyShape(random: Random): number[] {
  return random.chance(0.02) ? [random.integer(33_000, 50_000)] : random.shape(random.integer(0, 5));
}

/** Halfway between integers. */
function halves(random: Random): FuzzTensor {
  const shape = random.shape(1);
  return {
    dtype: "float32",
    shape,
    values: Float32Array.from({ length: shape[0]! }, () => random.integer(-9, 9) + 0.5),
  };
}

/** Two shapes that are broadcast to one: axes of size 1, and missing ones in front. */
function broadcastShapes(random: Random): [number[], number[]] {
  const shape = random.shape(random.integer(0, 5));
  const part = (): number[] => {
    const sizes = shape.map((size) => (random.chance(0.25) ? 1 : size));
    return random.chance(0.3) ? sizes.slice(random.integer(0, sizes.length)) : sizes;
  };
  if (random.chance(0.3)) return [shape, shape];
  return random.chance(0.3) ? [shape, part()] : [part(), part()];
}

function pair(random: Random, dtypes: readonly ("float32" | "int32" | "bool")[]): { a: FuzzTensor; b: FuzzTensor } {
  const [a, b] = broadcastShapes(random);
  return { a: random.tensor(a, dtypes), b: random.tensor(b, dtypes) };
}
