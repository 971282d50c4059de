/** Tensors made from numbers, and choices between tensors. */
import { backend_util, type DataType, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { cast } from "./cast.ts";
import { kernel, onHost } from "./kernel.ts";

export const fill: readonly KernelConfig[] = [
  kernel<object, { shape: number[]; value: number | string; dtype?: DataType }>(
    "Fill",
    (backend, inputs, attributes) => {
      const { shape, value } = attributes;
      const dtype = attributes.dtype ?? util.inferDtype(value);
      if (dtype === "string" || dtype === "complex64") return onHost("Fill", backend, inputs, attributes);
      return constant(backend, shape, dtype, Number(value));
    },
  ),
  kernel<{ x: TensorInfo }, object>("ZerosLike", (backend, { x }) => constant(backend, x.shape, x.dtype, 0)),
  kernel<{ x: TensorInfo }, object>("OnesLike", (backend, { x }) => constant(backend, x.shape, x.dtype, 1)),
  kernel<object, { start: number; stop: number; step: number; dtype: "float32" | "int32" }>(
    "Range",
    (backend, _, { start, stop, step, dtype }) => {
      // TensorFlow.js' own rules, odd ones included.
      const isEmpty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
      const length = isEmpty ? 0 : Math.abs(Math.ceil((stop - start) / step));
      const by = stop < start && step === 1 ? -1 : step;
      return backend.run("Range", [], [{ shape: [length], dtype }], { floats: [start, by] })[0]!;
    },
  ),
  kernel<object, { start: number; stop: number; num: number }>("LinSpace", (backend, _, { start, stop, num }) => {
    const step = num > 1 ? (stop - start) / (num - 1) : 0;
    return backend.run("Range", [], [{ shape: [num], dtype: "float32" }], { floats: [start, step] })[0]!;
  }),
  kernel<{ indices: TensorInfo }, { depth: number; onValue: number; offValue: number; dtype: NativeDType }>(
    "OneHot",
    (backend, { indices }, attributes) => {
      const { depth, onValue, offValue, dtype } = attributes;
      if (indices.dtype !== "int32") return onHost("OneHot", backend, { indices }, attributes);
      return backend.run("OneHot", [indices], [{ shape: [...indices.shape, depth], dtype }], {
        floats: [Number(onValue), Number(offValue)],
      })[0]!;
    },
  ),
  kernel<{ condition: TensorInfo; t: TensorInfo; e: TensorInfo }, object>("Select", (backend, { condition, t, e }) => {
    const dtype = backend_util.upcastType(t.dtype, e.dtype) as NativeDType;
    const [yes, no] = [cast(backend, t, dtype), cast(backend, e, dtype)];
    const chosen = backend.run("Select", [condition, yes, no], [{ shape: t.shape, dtype }])[0]!;
    backend.disposeInfo(yes);
    backend.disposeInfo(no);
    return chosen;
  }),
];

function constant(backend: EngineBackend, shape: number[], dtype: DataType, value: number): TensorInfo {
  return backend.run("Fill", [], [{ shape, dtype: dtype as NativeDType }], { floats: [value] })[0]!;
}
