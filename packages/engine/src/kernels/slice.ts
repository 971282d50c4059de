/** Parts of a tensor, and its elements in another order. */
import { type KernelConfig, slice_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

interface StridedSlice {
  begin: number[];
  end: number[];
  strides: number[];
  beginMask: number;
  endMask: number;
  ellipsisMask: number;
  newAxisMask: number;
  shrinkAxisMask: number;
}

export const slices: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, { begin: number | number[]; size: number | number[] }>(
    "Slice",
    (backend, { x }, attributes) => {
      const [begin, size] = slice_util.parseSliceParams(x as never, attributes.begin, attributes.size);
      slice_util.assertParamsValid(x as never, begin!, size!);
      return slice(backend, x, begin!, size!);
    },
  ),
  kernel<{ x: TensorInfo }, StridedSlice>("StridedSlice", (backend, { x }, attributes) => {
    const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
    const info = slice_util.sliceInfo(
      x.shape,
      begin,
      end,
      strides,
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    );
    if (info.isIdentity) return backend.alias(x, info.finalShape);
    // `finalShapeSparse` lacks the axes that are shrunk, which the CPU backend takes wrong elements for.
    const shape = info.begin.map((begin, axis) =>
      Math.max(0, Math.ceil((info.end[axis]! - begin) / info.strides[axis]!)),
    );
    const result = backend.run("StridedSlice", [x], [{ shape, dtype: x.dtype as NativeDType }], {
      ints: [...info.begin, ...info.strides],
    })[0]!;
    return { ...result, shape: info.finalShape };
  }),
  kernel<{ x: TensorInfo }, { dims: number | number[] }>("Reverse", (backend, { x }, { dims }) =>
    reverse(backend, x, util.parseAxisParam(dims, x.shape)),
  ),
  kernel<{ image: TensorInfo }, object>("FlipLeftRight", (backend, { image }) => reverse(backend, image, [2])),
];

/** `size` elements of each axis from `begin` on. */
export function slice(backend: EngineBackend, x: TensorInfo, begin: number[], size: number[]): TensorInfo {
  if (util.arraysEqual(size, x.shape)) return backend.alias(x);
  return backend.run("Slice", [x], [{ shape: size, dtype: x.dtype as NativeDType }], { ints: begin })[0]!;
}

function reverse(backend: EngineBackend, x: TensorInfo, axes: number[]): TensorInfo {
  if (axes.every((axis) => x.shape[axis] === 1)) return backend.alias(x);
  return backend.run("Reverse", [x], [{ shape: x.shape, dtype: x.dtype as NativeDType }], { ints: axes })[0]!;
}
