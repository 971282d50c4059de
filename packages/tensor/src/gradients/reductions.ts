import {
  broadcast_util,
  cumsum,
  equal,
  exp,
  type GradConfig,
  matMul,
  mul,
  ones,
  reshape,
  sub,
  sum,
  type Tensor,
  util,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";

/** Gradients of sums, extremes, softmax and products of matrices. */
export const reductionGradients: readonly GradConfig[] = [
  {
    kernelName: "Sum",
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attributes) => ({ x: () => spread(dy as Tensor, x!.shape, attributes["axis"]) }),
  },
  {
    kernelName: "Mean",
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attributes) => {
      const count = x!.size / (dy as Tensor).size;
      return { x: () => mul(spread(dy as Tensor, x!.shape, attributes["axis"]), 1 / count) };
    },
  },
  extreme("Max", "reductionIndices"),
  extreme("Min", "axis"),
  {
    kernelName: "Cumsum",
    gradFunc: (dy, _saved, attributes) => ({
      x: () =>
        cumsum(dy as Tensor, attributes["axis"] as number, attributes["exclusive"] as boolean, !attributes["reverse"]),
    }),
  },
  {
    kernelName: "Softmax",
    outputsToSave: [true],
    gradFunc: (dy, [y], attributes) => {
      const dim = attributes["dim"] as number;
      const weighted = mul(dy as Tensor, y!);
      return { logits: () => sub(weighted, mul(sum(weighted, dim, true), y!)) };
    },
  },
  {
    kernelName: "LogSoftmax",
    outputsToSave: [true],
    gradFunc: (dy, [value], attributes) => ({
      logits: () => sub(dy as Tensor, mul(sum(dy as Tensor, attributes["axis"] as number, true), exp(value!))),
    }),
  },
  {
    kernelName: "BatchMatMul",
    inputsToSave: ["a", "b"],
    gradFunc: (dy, saved, attributes) => {
      const [a, b] = saved as [Tensor, Tensor];
      const [ta, tb] = [attributes["transposeA"] as boolean, attributes["transposeB"] as boolean];
      const product = dy as Tensor;
      return {
        a: () => sumToBatch(ta ? matMul(b, product, tb, true) : matMul(product, b, false, !tb), a.shape),
        b: () => sumToBatch(tb ? matMul(product, a, true, ta) : matMul(a, product, !ta, false), b.shape),
      };
    },
  },
];

/** Every element that equals the extreme gets dy. */
function extreme(kernelName: string, axisAttribute: string): GradConfig {
  return {
    kernelName,
    inputsToSave: ["x"],
    outputsToSave: [true],
    gradFunc: (dy, saved, attributes) => {
      const [x, y] = saved as [Tensor, Tensor];
      const axes = attributes[axisAttribute];
      return {
        x: () => {
          const attained = equal(x, spread(y, x.shape, axes));
          const spreadDy = spread(dy as Tensor, x.shape, axes);
          return where(attained, spreadDy, zerosLike(spreadDy));
        },
      };
    },
  };
}

/** The reduced axes come back with size 1, then everything is stretched to `shape`. */
function spread(dy: Tensor, shape: number[], axes: unknown): Tensor {
  const reduced = util.parseAxisParam((axes as number | number[] | undefined) ?? shape.map((_, i) => i), shape);
  const kept = shape.map((size, axis) => (reduced.includes(axis) ? 1 : size));
  return mul(reshape(dy, kept), ones(shape));
}

/** matMul broadcasts leading dimensions: the gradient sums over those that were stretched. */
function sumToBatch(gradient: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, gradient.shape);
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), shape);
}
