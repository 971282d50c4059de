/** Elementwise kernels, reductions, casts and constants against TensorFlow.js' JavaScript CPU backend: values, shapes, dtypes; and that they are native. */
import { engineStats } from "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";

/** By name. */
const ops = tf as unknown as Record<string, (...operands: unknown[]) => tf.Tensor>;

type Compute = () => tf.Tensor | tf.Tensor[];
type Result = { shape: number[]; dtype: string; values: number[] }[];

function on(backend: string, compute: Compute): Result {
  void tf.setBackend(backend);
  return tf.tidy(() =>
    [compute()].flat().map((tensor) => ({ shape: tensor.shape, dtype: tensor.dtype, values: [...tensor.dataSync()] })),
  );
}

/** What no op of TensorFlow.js hands out as it is. */
function run(kernelName: string, inputs: Record<string, tf.Tensor>): tf.Tensor {
  return tf.engine().runKernel(kernelName, inputs as unknown as tf.NamedTensorMap) as tf.Tensor;
}

function fallbacks(): number {
  return Object.values(engineStats().fallbacks).reduce((sum, count) => sum + count, 0);
}

/** The same on both backends, and on the engine without a kernel in JavaScript. */
function expectSame(compute: Compute, { tolerance = 2e-6, isNative = true } = {}): void {
  const expected = on("cpu", compute);
  void tf.setBackend("engine");
  const before = fallbacks();
  const found = on("engine", compute);
  if (isNative) expect(fallbacks()).toBe(before);
  for (const [index, { shape, dtype, values }] of expected.entries()) {
    expect(found[index]).toMatchObject({ shape, dtype });
    for (const [place, value] of values.entries()) {
      const other = found[index]!.values[place]!;
      const isSame = Object.is(other, value) || Math.abs(other - value) <= tolerance * Math.max(1, Math.abs(value));
      if (!isSame) throw new Error(`[${place}]: expected ${value}, got ${other}`);
    }
  }
}

const FLOATS = [-3.5, -1, -0.5, -0, 0, 0.25, 0.5, 1, 1.5, 2.5, 100, Number.NaN, Infinity, -Infinity];
const INTS = [-7, -1, 0, 1, 2, 5, 2147483647, -2147483648];
const floats = () => tf.tensor1d(FLOATS);
const ints = () => tf.tensor1d(INTS, "int32");
const bools = () => tf.tensor1d([true, false, true, true], "bool");

describe("functions of one tensor", () => {
  it.each([
    ...["abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "elu", "erf", "exp", "expm1"],
    ...["floor", "isFinite", "isInf", "isNaN", "leakyRelu", "log", "log1p", "neg", "reciprocal", "relu", "relu6"],
    ...[
      "round",
      "rsqrt",
      "selu",
      "sigmoid",
      "sign",
      "sin",
      "sinh",
      "softplus",
      "sqrt",
      "square",
      "step",
      "tan",
      "tanh",
    ],
  ] as const)("%s of float32", (name) => {
    expectSame(() => ops[name]!(floats()));
  });

  // abs and square of int32 are float32 arrays on the JavaScript CPU backend, which rounds them.
  it.each(["neg", "relu", "relu6", "round", "sign", "step"] as const)("%s of int32", (name) => {
    expectSame(() => ops[name]!(ints()));
  });

  it("exp of int32 is float32", () => {
    expectSame(() => tf.exp(tf.tensor1d([-1, 0, 3], "int32")));
  });

  it("log of int32 runs in JavaScript", () => {
    expectSame(() => run("Log", { x: ints() }), { isNative: false });
  });

  it("attributes", () => {
    expectSame(() => tf.leakyRelu(floats(), 0.1));
    expectSame(() => tf.step(floats(), -2));
    expectSame(() => tf.clipByValue(floats(), -0.75, 1.25));
    expectSame(() => tf.clipByValue(ints(), -1.5, 2.5));
    expectSame(() => tf.logicalNot(bools()));
  });
});

describe("operations of two tensors", () => {
  const shapes: [number[], number[]][] = [
    [[], []],
    [[14], []],
    [[3, 5], [5]],
    [
      [3, 1],
      [1, 5],
    ],
    [
      [2, 3, 4],
      [3, 1],
    ],
    [
      [0, 3],
      [1, 3],
    ],
  ];
  const arithmetic = [
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "mod",
    "squaredDifference",
    "floorDiv",
  ] as const;
  const comparisons = ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"] as const;

  const values = (shape: number[], seed: number) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return Array.from({ length: size }, (_, i) => ((i * 37 + seed * 11) % 19) - 9);
  };

  it.each([...arithmetic, ...comparisons])("%s, broadcast, of float32 and int32", (name) => {
    for (const [a, b] of shapes) {
      for (const dtype of ["float32", "int32"] as const) {
        expectSame(() => ops[name]!(tf.tensor(values(a, 1), a, dtype), tf.tensor(values(b, 2), b, dtype)));
      }
    }
  });

  it.each([...arithmetic, ...comparisons, "atan2", "pow"] as const)("%s of NaN, infinities and zeros", (name) => {
    const reversed = [...FLOATS].reverse();
    expectSame(() => ops[name]!(tf.tensor1d(FLOATS), tf.tensor1d(reversed)));
    expectSame(() => ops[name]!(tf.tensor2d(FLOATS, [14, 1]), tf.tensor1d(FLOATS)));
  });

  it("other names", () => {
    expectSame(() => tf.prelu(floats(), tf.tensor1d([0.25])));
    expectSame(() => tf.addN([floats(), floats(), floats()]));
    expectSame(() => tf.logicalAnd(bools(), tf.tensor1d([true, true, false, true], "bool")));
    expectSame(() => tf.logicalOr(bools(), tf.tensor1d([true, false, false, true], "bool")));
    expectSame(() => tf.logicalXor(bools(), tf.tensor1d([true, true, false, true], "bool")));
    expectSame(() => run("EluGrad", { dy: tf.tensor1d([1, 2, 3, 4]), y: tf.tensor1d([-2, -0.5, 0, 3]) }));
  });

  it("mixed dtypes become the wider one", () => {
    expectSame(() => tf.add(tf.tensor1d([1, 2], "int32"), tf.tensor1d([0.5, 1.5])));
    expectSame(() => tf.mul(bools(), tf.tensor1d([1, 2, 3, 4], "int32")));
  });

  it("sums of bool and complex numbers run in JavaScript", () => {
    expectSame(() => tf.add(bools(), bools()), { isNative: false });
    const complex = () => tf.complex([1, 2], [3, 4]);
    expectSame(() => [tf.real(tf.mul(complex(), complex())), tf.imag(tf.mul(complex(), complex()))], {
      isNative: false,
    });
  });

  it("shapes that do not fit are an error at once", () => {
    void tf.setBackend("engine");
    expect(() => tf.add(tf.zeros([2]), tf.zeros([3]))).toThrow(/could not be broadcast/);
  });
});

describe("reductions", () => {
  const tensor = (dtype: "float32" | "int32") =>
    tf.tensor(
      Array.from({ length: 120 }, (_, i) => ((i * 37) % 23) - 11),
      [4, 3, 2, 5],
      dtype,
    );
  const axes = [undefined, 0, 3, -1, [0, 1], [1, 2], [0, 2], [1, 3], [3, 0]];

  it.each(["sum", "mean", "max", "min"] as const)("%s over any axes", (name) => {
    for (const axis of axes) {
      for (const keepDims of [false, true]) {
        expectSame(() => ops[name]!(tensor("float32"), axis, keepDims));
        expectSame(() => ops[name]!(tensor("int32"), axis, keepDims));
      }
    }
  });

  it("products, truth, and sums of bool", () => {
    for (const axis of [undefined, 0, 1, [1]]) {
      expectSame(() => tf.prod(tf.tensor2d([1.5, 2, -3, 4, 5, 6], [2, 3]), axis));
      expectSame(() => tf.prod(tf.tensor2d([1, 2, -3, 4, 5, 6], [2, 3], "int32"), axis));
      const truth = () => tf.tensor2d([1, 0, 1, 1, 0, 1], [2, 3], "bool");
      expectSame(() => [tf.all(truth(), axis), tf.any(truth(), axis), tf.sum(truth(), axis), tf.mean(truth(), axis)]);
    }
  });

  it("over nothing", () => {
    for (const name of ["sum", "mean", "max", "min", "prod"] as const) {
      expectSame(() => ops[name]!(tf.zeros([2, 0]), 1));
      expectSame(() => ops[name]!(tf.zeros([2, 0]), 0));
    }
  });

  it("NaN comes through", () => {
    for (const name of ["sum", "mean", "max", "min", "prod"] as const) {
      expectSame(() => ops[name]!(tf.tensor2d([1, Number.NaN, 3, 4], [2, 2]), 0));
    }
  });

  it("argMax and argMin", () => {
    for (const axis of [0, 1, 2, 3, -2]) {
      expectSame(() => [tf.argMax(tensor("float32"), axis), tf.argMin(tensor("float32"), axis)]);
      expectSame(() => [tf.argMax(tensor("int32"), axis), tf.argMin(tensor("int32"), axis)]);
    }
  });

  it("cumsum and cumprod", () => {
    for (const axis of [0, 1, 3]) {
      for (const exclusive of [false, true]) {
        for (const reverse of [false, true]) {
          expectSame(() => tf.cumsum(tensor("float32"), axis, exclusive, reverse));
          expectSame(() => tf.cumprod(tensor("int32"), axis, exclusive, reverse));
        }
      }
    }
  });

  it("the largest, in the order of their indices where equal", () => {
    for (const k of [0, 1, 3, 5]) {
      expectSame(() => {
        const { values, indices } = tf.topk(tensor("float32"), k);
        return [values, indices];
      });
    }
  });
});

describe("casts, constants and choices", () => {
  it("every pair of dtypes", () => {
    for (const to of ["float32", "int32", "bool"] as const) {
      expectSame(() => tf.cast(floats(), to));
      expectSame(() => tf.cast(tf.tensor1d([-5, 0, 7], "int32"), to));
      expectSame(() => tf.cast(bools(), to));
      expectSame(() => tf.cast(tf.complex([1.5, 0], [2, 3]), to));
    }
    expectSame(() => tf.real(tf.cast(floats(), "complex64")));
    expectSame(() => tf.imag(tf.cast(floats(), "complex64")));
  });

  it("constants", () => {
    for (const dtype of ["float32", "int32", "bool"] as const) {
      expectSame(() => [tf.zeros([2, 3], dtype), tf.ones([0, 3], dtype), tf.onesLike(tf.zeros([4], dtype))]);
    }
    expectSame(() => [tf.fill([3], 2.5), tf.fill([], -7, "int32"), tf.zerosLike(floats())]);
    expectSame(() => tf.real(tf.zerosLike(tf.complex([1], [2]))), { isNative: false });
  });

  it("ranges, odd ones included", () => {
    for (const [start, stop, step] of [
      [0, 5],
      [5, 0],
      [0, 5, -1],
      [5, 0, 2],
      [5, 0, -2],
      [3, 3],
      [0, 1, 0.3],
    ] as const) {
      expectSame(() => tf.range(start, stop, step));
      expectSame(() => tf.range(start, stop, step, "int32"));
    }
    expectSame(() => [tf.linspace(0, 9, 4), tf.linspace(3, 8, 1), tf.linspace(2, -2, 5)]);
  });

  it("one-hot rows", () => {
    const indices = () => tf.tensor2d([0, 2, -1, 5], [2, 2], "int32");
    expectSame(() => [tf.oneHot(indices(), 3), tf.oneHot(indices(), 3, 2.5, -1, "float32")]);
  });

  it("choices, broadcast and of mixed dtypes", () => {
    const condition = () => tf.tensor1d([true, false, true], "bool");
    expectSame(() => tf.where(condition(), tf.tensor1d([1, 2, 3]), tf.tensor1d([-1, -2, -3])));
    expectSame(() => tf.where(condition(), tf.tensor1d([1, 2, 3], "int32"), tf.tensor1d([0.5, 1.5, 2.5])));
    expectSame(() => tf.where(tf.greater(tf.range(0, 3), 1), tf.ones([2, 3]), tf.zeros([2, 3])), { isNative: false });
  });
});

describe("the queue", () => {
  it("counts a tensor less for each that is disposed", () => {
    void tf.setBackend("engine");
    const before = tf.memory();
    tf.tidy(() => {
      const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      tf.sum(tf.where(tf.greater(x, 2), tf.exp(x), tf.mean(tf.cast(x, "int32")))).dataSync();
    });
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  });
});
