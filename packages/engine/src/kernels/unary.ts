/** Elementwise functions of one tensor. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { cast } from "./cast.ts";
import { kernel, onHost } from "./kernel.ts";

interface Input {
  x: TensorInfo;
}

// Functions of int32 tensors without a native kernel (TensorFlow.js computes them in float64 and drops the fraction) run in JavaScript.
const FLOAT_FUNCTIONS = [
  ...["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Elu", "Erf", "Expm1", "Log", "Log1p"],
  ...["Reciprocal", "Rsqrt", "Selu", "Sigmoid", "Sin", "Sinh", "Softplus", "Sqrt", "Tan", "Tanh"],
];
const NUMERIC_FUNCTIONS = ["Abs", "Neg", "Relu", "Relu6", "Sign", "Square"];
const ROUNDING_FUNCTIONS = ["Ceil", "Floor", "Round"];
const TESTS = ["IsFinite", "IsInf", "IsNan"];

export const unary: readonly KernelConfig[] = [
  ...FLOAT_FUNCTIONS.map((name) => elementwise(name, ["float32"])),
  ...NUMERIC_FUNCTIONS.map((name) => elementwise(name, ["float32", "int32"])),
  ...ROUNDING_FUNCTIONS.map((name) =>
    kernel<Input, object>(name, (backend, { x }) => {
      if (x.dtype === "int32") return backend.alias(x);
      return x.dtype === "float32" ? run(backend, name, x, x.dtype) : onHost(name, backend, { x }, {});
    }),
  ),
  ...TESTS.map((name) =>
    kernel<Input, object>(name, (backend, { x }) => {
      return x.dtype === "float32" ? run(backend, name, x, "bool") : onHost(name, backend, { x }, {});
    }),
  ),
  elementwise("LogicalNot", ["bool"]),
  elementwise<{ alpha: number }>("LeakyRelu", ["float32"], ({ alpha }) => [alpha]),
  elementwise<{ alpha: number }>("Step", ["float32", "int32"], ({ alpha }) => [alpha]),
  elementwise<{ clipValueMin: number; clipValueMax: number }>(
    "ClipByValue",
    ["float32", "int32"],
    ({ clipValueMin, clipValueMax }) => [clipValueMin, clipValueMax],
  ),
  // Of every dtype, e^x is float32.
  kernel<Input, object>("Exp", (backend, { x }) => {
    if (x.dtype === "float32") return run(backend, "Exp", x, "float32");
    const float = cast(backend, x, "float32");
    const y = run(backend, "Exp", float, "float32");
    backend.disposeInfo(float);
    return y;
  }),
];

/** A kernel whose result has the input's dtype, native for some. */
function elementwise<Attributes extends object = object>(
  name: string,
  dtypes: readonly string[],
  floats: (attributes: Attributes) => number[] = () => [],
): KernelConfig {
  return kernel<Input, Attributes>(name, (backend, { x }, attributes) => {
    if (!dtypes.includes(x.dtype)) return onHost(name, backend, { x }, attributes);
    return run(backend, name, x, x.dtype, floats(attributes));
  });
}

function run(backend: EngineBackend, name: string, x: TensorInfo, dtype: string, floats: number[] = []): TensorInfo {
  return backend.run(name, [x], [{ shape: x.shape, dtype: dtype as "float32" | "int32" | "bool" }], { floats })[0]!;
}
