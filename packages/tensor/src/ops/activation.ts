import { add, cast, erf, exp, greater, mul, relu, sigmoid, square, sub, type Tensor } from "@tensorflow/tfjs-core";

/** What a linear layer may apply to its input: `gelu` with the error function, `geluTanh` GPT-2's `gelu_new`, `silu` x sigmoid(x). */
export type Activation = "none" | "gelu" | "geluTanh" | "silu" | "relu";

interface ElementwiseFunction {
  value(x: Tensor): Tensor;
  derivative(x: Tensor): Tensor;
}

// 0.5 (1 + tanh(u)) is sigmoid(2 u), with u = sqrt(2 / pi) (x + 0.044715 x^3): Hendrycks and Gimpel 2016, section 2.
const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = LINEAR * 0.044715;

/** Composed of plain ops, elementwise on any shape. */
export const ACTIVATIONS: Readonly<Record<Exclude<Activation, "none">, ElementwiseFunction>> = {
  gelu: {
    value: (x) => mul(x, normalCdf(x)),
    derivative(x) {
      const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return add(normalCdf(x), mul(x, density));
    },
  },
  geluTanh: {
    value: (x) => mul(x, tanhGate(x)),
    derivative(x) {
      const gate = tanhGate(x);
      const slope = add(mul(square(x), 3 * CUBIC), LINEAR); // of the sigmoid's argument
      return mul(gate, add(mul(mul(x, slope), sub(1, gate)), 1));
    },
  },
  silu: {
    value: (x) => mul(x, sigmoid(x)),
    derivative(x) {
      const s = sigmoid(x);
      return add(s, mul(mul(x, s), sub(1, s)));
    },
  },
  relu: {
    value: relu,
    derivative: (x) => cast(greater(x, 0), "float32"),
  },
};

function tanhGate(x: Tensor): Tensor {
  return sigmoid(mul(x, add(mul(square(x), CUBIC), LINEAR)));
}

function normalCdf(x: Tensor): Tensor {
  return mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
}
