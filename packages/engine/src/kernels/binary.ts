/** Elementwise operations of two tensors, broadcast to each other. */
import { backend_util, type KernelConfig, type TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { kernel, onHost } from "./kernel.ts";

interface Operands {
  a: TensorInfo;
  b: TensorInfo;
}

const ARITHMETIC = ["Add", "Maximum", "Minimum", "Mod", "Multiply", "Pow", "RealDiv", "SquaredDifference", "Sub"];
const COMPARISONS = ["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual"];
const NUMERIC = ["float32", "int32"];

export const binary: readonly KernelConfig[] = [
  ...ARITHMETIC.map((name) => elementwise(name, NUMERIC)),
  elementwise("Atan2", ["float32"]),
  elementwise("FloorDiv", NUMERIC, "int32"),
  ...COMPARISONS.map((name) => elementwise(name, [...NUMERIC, "bool"], "bool")),
  ...["LogicalAnd", "LogicalOr"].map((name) => elementwise(name, ["bool"])),
  kernel<{ x: TensorInfo; alpha: TensorInfo }, object>("Prelu", (backend, { x, alpha }) =>
    x.dtype === "float32" && alpha.dtype === "float32"
      ? runBinary(backend, "Prelu", x, alpha)
      : onHost("Prelu", backend, { x, alpha }, {}),
  ),
  kernel<{ dy: TensorInfo; y: TensorInfo }, object>("EluGrad", (backend, { dy, y }) =>
    runBinary(backend, "EluGrad", dy, y),
  ),
  kernel<TensorInfo[], object>("AddN", (backend, inputs) => {
    const tensors = Object.values(inputs);
    const { shape, dtype } = tensors[0]!;
    if (!NUMERIC.includes(dtype)) return onHost("AddN", backend, inputs, {});
    return backend.run("AddN", tensors, [{ shape, dtype: dtype as NativeDType }])[0]!;
  }),
];

/** A kernel that is native where both operands have one dtype of these; TensorFlow.js' ops see to it that they do. */
function elementwise(name: string, dtypes: readonly string[], result?: NativeDType): KernelConfig {
  return kernel<Operands, object>(name, (backend, { a, b }) => {
    if (a.dtype !== b.dtype || !dtypes.includes(a.dtype)) return onHost(name, backend, { a, b }, {});
    return runBinary(backend, name, a, b, result);
  });
}

/** The native kernel, on operands whose types it has. */
export function runBinary(
  backend: EngineBackend,
  name: string,
  a: TensorInfo,
  b: TensorInfo,
  dtype: NativeDType = a.dtype as NativeDType,
): TensorInfo {
  const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  return backend.run(name, [a, b], [{ shape, dtype }])[0]!;
}
