import type { DataType, KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { anyDTypeKernel } from "./kernel.ts";

/** The same values as another dtype; the data itself where it is that already. */
export function cast(backend: EngineBackend, x: TensorInfo, dtype: DataType): TensorInfo {
  if (x.dtype === dtype) return backend.alias(x);
  if (x.dtype === "complex64") {
    const real = backend.copy(backend.complexParts(x).real, x.shape);
    const result = cast(backend, real, dtype);
    backend.disposeInfo(real);
    return result;
  }
  if (dtype === "complex64") {
    const real = cast(backend, x, "float32");
    const imag = backend.run("Fill", [], [{ shape: x.shape, dtype: "float32" }], { floats: [0] })[0]!;
    const result = backend.makeComplex(x.shape, real, imag);
    backend.disposeInfo(real);
    backend.disposeInfo(imag);
    return result;
  }
  return backend.run("Cast", [x], [{ shape: x.shape, dtype: dtype as NativeDType }])[0]!;
}

export const casts: readonly KernelConfig[] = [
  anyDTypeKernel<{ x: TensorInfo }, { dtype: DataType }>("Cast", (backend, { x }, { dtype }) =>
    cast(backend, x, dtype),
  ),
];
