/** Rows added or put where their numbers say. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { NativeDType } from "../command-queue.ts";
import { cast } from "./cast.ts";
import { kernel, onHost } from "./kernel.ts";

export const scatters: readonly KernelConfig[] = [
  kernel<{ indices: TensorInfo; updates: TensorInfo }, { shape: number[] }>(
    "ScatterNd",
    (backend, { indices, updates }, { shape }) =>
      backend.run("ScatterNd", [places(indices), updates], [{ shape, dtype: updates.dtype as NativeDType }])[0]!,
  ),
  kernel<{ tensor: TensorInfo; indices: TensorInfo; updates: TensorInfo }, object>(
    "TensorScatterUpdate",
    (backend, { tensor, indices, updates }) => {
      const { shape, dtype } = tensor;
      const values = cast(backend, updates, dtype);
      const output = { shape, dtype: dtype as NativeDType };
      const result = backend.run("TensorScatterUpdate", [tensor, places(indices), values], [output])[0]!;
      backend.disposeInfo(values);
      return result;
    },
  ),
  kernel<{ x: TensorInfo; segmentIds: TensorInfo }, { numSegments: number }>(
    "UnsortedSegmentSum",
    (backend, { x, segmentIds }, attributes) => {
      if (segmentIds.shape.length !== 1) return onHost("UnsortedSegmentSum", backend, { x, segmentIds }, attributes);
      const shape = [attributes.numSegments, ...x.shape.slice(1)];
      const floats = cast(backend, x, "float32"); // the sum is one of float32 in TensorFlow.js, whatever x is
      const sum = backend.run("UnsortedSegmentSum", [floats, segmentIds], [{ shape, dtype: "float32" }])[0]!;
      backend.disposeInfo(floats);
      return sum;
    },
  ),
];

/** Indices [n] stand for [n, 1]. */
function places(indices: TensorInfo): TensorInfo {
  return indices.shape.length === 1 ? { ...indices, shape: [...indices.shape, 1] } : indices;
}
