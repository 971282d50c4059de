/** Elements moved between the axes of an image and its channels or its batch. */
import { backend_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { NativeDType } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

export const space: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, { blockSize: number; dataFormat: string }>("DepthToSpace", (backend, { x }, attributes) => {
    const { blockSize, dataFormat } = attributes;
    util.assert(
      dataFormat === "NHWC",
      () => `Only NHWC dataFormat supported on engine for depthToSpace. Got ${dataFormat}`,
    );
    const [batch, height, width, depth] = x.shape as [number, number, number, number];
    const shape = [batch, height * blockSize, width * blockSize, depth / (blockSize * blockSize)];
    return backend.run("DepthToSpace", [x], [{ shape, dtype: x.dtype as NativeDType }], { ints: [blockSize] })[0]!;
  }),
  kernel<{ x: TensorInfo }, { blockShape: number[]; paddings: number[][] }>(
    "SpaceToBatchND",
    (backend, { x }, { blockShape, paddings }) => {
      const padded = x.shape.map((size, axis) => {
        const [before, after] = paddings[axis - 1] ?? [0, 0];
        return before! + size + after!;
      });
      const shape = backend_util.getReshapedPermuted(padded, blockShape, util.sizeFromShape(blockShape), false);
      return backend.run("SpaceToBatchND", [x], [{ shape, dtype: x.dtype as NativeDType }], {
        ints: [...blockShape, ...blockShape.map((_, axis) => paddings[axis]![0]!)],
      })[0]!;
    },
  ),
  kernel<{ x: TensorInfo }, { blockShape: number[]; crops: number[][] }>(
    "BatchToSpaceND",
    (backend, { x }, { blockShape, crops }) => {
      const uncropped = backend_util.getReshapedPermuted(x.shape, blockShape, util.sizeFromShape(blockShape));
      const shape = uncropped.map((size, axis) => {
        const [before, after] = crops[axis - 1] ?? [0, 0];
        return size - before! - after!;
      });
      return backend.run("BatchToSpaceND", [x], [{ shape, dtype: x.dtype as NativeDType }], {
        ints: [...blockShape, ...blockShape.map((_, axis) => crops[axis]![0]!)],
      })[0]!;
    },
  ),
];
