/** Rows of a tensor by their numbers. An index outside is found when the kernel runs: the read of what depends on it rejects. */
import { backend_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { NativeDType } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

export const gathers: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo; indices: TensorInfo }, { axis: number; batchDims?: number }>(
    "GatherV2",
    (backend, { x, indices }, { axis, batchDims = 0 }) => {
      const along = util.parseAxisParam(axis, x.shape)[0]!;
      const { outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
        x as never,
        indices as never,
        along,
        batchDims,
      );
      // Others are the native kernel's to check, and an error when the result is read.
      const last = x.shape[along]! - 1;
      for (const index of backend.knownInts(indices) ?? []) {
        util.assert(0 <= index && index <= last, () => `GatherV2: the index value ${index} is not in [0, ${last}]`);
      }
      const batchAxes = batchDims < 0 ? batchDims + indices.shape.length : batchDims;
      return backend.run("GatherV2", [x, indices], [{ shape: outputShape, dtype: x.dtype as NativeDType }], {
        ints: [along, batchAxes],
      })[0]!;
    },
  ),
  kernel<{ params: TensorInfo; indices: TensorInfo }, object>("GatherNd", (backend, { params, indices }) => {
    const [shape] = backend_util.prepareAndValidate(params as never, indices as never);
    return backend.run("GatherNd", [params, indices], [{ shape, dtype: params.dtype as NativeDType }])[0]!;
  }),
];
