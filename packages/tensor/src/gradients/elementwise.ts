import {
  add,
  broadcast_util,
  cos,
  cosh,
  div,
  exp,
  type GradConfig,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalAnd,
  mul,
  type NamedAttrMap,
  neg,
  pow,
  reshape,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  square,
  sub,
  sum,
  type Tensor,
  where,
  zeros,
  zerosLike,
} from "@tensorflow/tfjs-core";

type UnaryGradient = (dy: Tensor, x: Tensor, attributes: NamedAttrMap) => Tensor;
type BinaryGradient = (dy: Tensor, a: Tensor, b: Tensor) => { a: () => Tensor; b: () => Tensor };

/** Of one input, from the input. */
const FROM_INPUT: Readonly<Record<string, UnaryGradient>> = {
  Abs: (dy, x) => mul(dy, sign(x)),
  Acos: (dy, x) => neg(mul(dy, rsqrt(sub(1, square(x))))),
  Acosh: (dy, x) => mul(dy, rsqrt(sub(square(x), 1))),
  Asin: (dy, x) => mul(dy, rsqrt(sub(1, square(x)))),
  Asinh: (dy, x) => mul(dy, rsqrt(add(square(x), 1))),
  Atan: (dy, x) => div(dy, add(square(x), 1)),
  Atanh: (dy, x) => div(dy, sub(1, square(x))),
  ClipByValue: (dy, x, { clipValueMin, clipValueMax }) =>
    keepWhere(logicalAnd(greaterEqual(x, clipValueMin as number), lessEqual(x, clipValueMax as number)), dy),
  Cos: (dy, x) => neg(mul(dy, sin(x))),
  Cosh: (dy, x) => mul(dy, sinh(x)),
  Elu: (dy, x) => where(greater(x, 0), dy, mul(dy, exp(x))),
  Erf: (dy, x) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
  Expm1: (dy, x) => mul(dy, exp(x)),
  LeakyRelu: (dy, x, { alpha }) => where(greater(x, 0), dy, mul(dy, alpha as number)),
  Log: (dy, x) => div(dy, x),
  Log1p: (dy, x) => div(dy, add(x, 1)),
  Neg: (dy) => neg(dy),
  Reciprocal: (dy, x) => neg(div(dy, square(x))),
  Relu: (dy, x) => keepWhere(greater(x, 0), dy),
  Relu6: (dy, x) => keepWhere(logicalAnd(greater(x, 0), lessEqual(x, 6)), dy),
  Rsqrt: (dy, x) => mul(mul(dy, -0.5), mul(rsqrt(x), div(1, x))),
  Sin: (dy, x) => mul(dy, cos(x)),
  Sinh: (dy, x) => mul(dy, cosh(x)),
  Softplus: (dy, x) => mul(dy, sigmoid(x)),
  Square: (dy, x) => mul(dy, mul(x, 2)),
  Tan: (dy, x) => div(dy, square(cos(x))),
};

/** Of one input, from the output. */
const FROM_OUTPUT: Readonly<Record<string, UnaryGradient>> = {
  Exp: (dy, y) => mul(dy, y),
  Sigmoid: (dy, y) => mul(dy, mul(y, sub(1, y))),
  Sqrt: (dy, y) => div(dy, mul(y, 2)),
  Tanh: (dy, y) => mul(dy, sub(1, square(y))),
};

/** Of two inputs, before the sum over broadcast axes. */
const BINARY: Readonly<Record<string, BinaryGradient>> = {
  Add: (dy) => ({ a: () => dy, b: () => dy }),
  Sub: (dy) => ({ a: () => dy, b: () => neg(dy) }),
  Multiply: (dy, a, b) => ({ a: () => mul(dy, b), b: () => mul(dy, a) }),
  RealDiv: (dy, a, b) => ({ a: () => div(dy, b), b: () => neg(div(mul(dy, a), square(b))) }),
  // At a tie both sides get the whole gradient for Maximum's a and Minimum's a, as tfjs-core does.
  Maximum: (dy, a, b) => ({ a: () => keepWhere(greaterEqual(a, b), dy), b: () => keepWhere(less(a, b), dy) }),
  Minimum: (dy, a, b) => ({ a: () => keepWhere(lessEqual(a, b), dy), b: () => keepWhere(greater(a, b), dy) }),
  SquaredDifference: (dy, a, b) => ({
    a: () => mul(dy, mul(sub(a, b), 2)),
    b: () => mul(dy, mul(sub(b, a), 2)),
  }),
  Pow: (dy, a, b) => ({
    a: () => mul(dy, mul(b, pow(a, sub(b, 1)))),
    b: () => mul(dy, where(greater(a, 0), mul(pow(a, b), log(a)), zerosLike(dy))),
  }),
  Atan2: (dy, a, b) => ({
    a: () => mul(dy, div(b, add(square(a), square(b)))),
    b: () => neg(mul(dy, div(a, add(square(a), square(b))))),
  }),
};

/** Piecewise constant: a gradient of zero, so that a path through them does not end in an error. float32, as the tape wants even of a bool. */
const CONSTANT_UNARY = [
  "Ceil",
  "Floor",
  "Round",
  "Sign",
  "Step",
  "IsFinite",
  "IsInf",
  "IsNan",
  "OnesLike",
  "ZerosLike",
];
const CONSTANT_BINARY = ["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual", "FloorDiv"];

export const elementwiseGradients: readonly GradConfig[] = [
  ...Object.entries(FROM_INPUT).map(([kernelName, gradient]) => ({
    kernelName,
    inputsToSave: ["x"],
    gradFunc: (dy: Tensor | Tensor[], [x]: Tensor[], attributes: NamedAttrMap) => ({
      x: () => gradient(dy as Tensor, x!, attributes),
    }),
  })),
  ...Object.entries(FROM_OUTPUT).map(([kernelName, gradient]) => ({
    kernelName,
    outputsToSave: [true],
    gradFunc: (dy: Tensor | Tensor[], [y]: Tensor[], attributes: NamedAttrMap) => ({
      x: () => gradient(dy as Tensor, y!, attributes),
    }),
  })),
  ...Object.entries(BINARY).map(([kernelName, gradient]) => ({
    kernelName,
    inputsToSave: ["a", "b"],
    gradFunc: (dy: Tensor | Tensor[], saved: Tensor[]) => {
      const [a, b] = saved as [Tensor, Tensor];
      const gradients = gradient(dy as Tensor, a, b);
      return { a: () => sumTo(gradients.a(), a.shape), b: () => sumTo(gradients.b(), b.shape) };
    },
  })),
  ...CONSTANT_UNARY.map((kernelName) => ({
    kernelName,
    inputsToSave: ["x"],
    gradFunc: (_dy: Tensor | Tensor[], [x]: Tensor[]) => ({ x: () => zeros(x!.shape) }),
  })),
  ...CONSTANT_BINARY.map((kernelName) => ({
    kernelName,
    inputsToSave: ["a", "b"],
    gradFunc: (_dy: Tensor | Tensor[], [a, b]: Tensor[]) => ({ a: () => zeros(a!.shape), b: () => zeros(b!.shape) }),
  })),
  {
    kernelName: "Select",
    inputsToSave: ["condition"],
    gradFunc: (dy, [condition]) => ({
      condition: () => zeros(condition!.shape),
      t: () => where(condition!, dy as Tensor, zerosLike(dy as Tensor)),
      e: () => where(condition!, zerosLike(dy as Tensor), dy as Tensor),
    }),
  },
  {
    kernelName: "AddN",
    saveAllInputs: true,
    gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, i) => [i, () => dy as Tensor])),
  },
];

/** Undoes broadcasting: sums over the axes along which `shape` was stretched. */
function sumTo(gradient: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, gradient.shape);
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), shape);
}

function keepWhere(condition: Tensor, dy: Tensor): Tensor {
  return where(condition, dy, zerosLike(dy));
}
