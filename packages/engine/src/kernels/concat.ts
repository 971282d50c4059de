/** Tensors joined along an axis and taken apart again. */
import { backend_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { cast } from "./cast.ts";
import { kernel } from "./kernel.ts";
import { slice } from "./slice.ts";

/** Operands of one operation: the queue takes some ten thousand words at a time. */
const MOST_OPERANDS = 1024;

export const concats: readonly KernelConfig[] = [
  kernel<TensorInfo[], { axis: number }>("Concat", (backend, inputs, { axis }) => {
    const along = util.parseAxisParam(axis, inputs[0]!.shape)[0]!;
    backend_util.assertParamsConsistent(
      inputs.map(({ shape }) => shape),
      along,
    );
    return concat(backend, inputs, along);
  }),
  kernel<TensorInfo[], { axis: number }>("Pack", (backend, inputs, { axis }) => {
    const { shape, dtype } = inputs[0]!;
    for (const input of inputs) {
      util.assertShapesMatch(shape, input.shape, "All tensors passed to stack must have matching shapes");
      util.assert(dtype === input.dtype, () => "All tensors passed to stack must have matching dtypes");
    }
    const along = axis < 0 ? axis + shape.length + 1 : axis;
    const expanded = [...shape.slice(0, along), 1, ...shape.slice(along)];
    return concat(
      backend,
      inputs.map((input) => ({ ...input, shape: expanded })),
      along,
    );
  }),
  kernel<{ x: TensorInfo }, { numOrSizeSplits: number | number[]; axis: number }>(
    "SplitV",
    (backend, { x }, { numOrSizeSplits, axis }) => {
      const along = util.parseAxisParam(axis, x.shape)[0]!;
      return split(backend, x, backend_util.prepareSplitSize(x as never, numOrSizeSplits, along), along);
    },
  ),
  kernel<{ value: TensorInfo }, { axis: number }>("Unpack", (backend, { value }, { axis }) => {
    const along = axis < 0 ? axis + value.shape.length : axis;
    const sizes = new Array<number>(value.shape[along]!).fill(1);
    const shape = value.shape.filter((_, dim) => dim !== along);
    return split(backend, value, sizes, along).map((part) => ({ ...part, shape }));
  }),
];

/** As TensorFlow.js: the dtype is that of the first, and one tensor alone, or with empty ones, is passed on. */
export function concat(backend: EngineBackend, tensors: readonly TensorInfo[], axis: number): TensorInfo {
  const dtype = tensors[0]!.dtype as NativeDType;
  const outShape = backend_util.computeOutShape(
    tensors.map(({ shape }) => shape),
    axis,
  );
  const full = tensors.filter(({ shape }) => util.sizeFromShape(shape) > 0);
  if (full.length === 0) return backend.run("Fill", [], [{ shape: outShape, dtype }], { floats: [0] })[0]!;
  if (full.length === 1) return cast(backend, full[0]!, dtype);
  const parts: TensorInfo[] = [];
  for (let i = 0; i < full.length; i += MOST_OPERANDS) {
    if (full.length > MOST_OPERANDS) parts.push(concat(backend, full.slice(i, i + MOST_OPERANDS), axis));
    else parts.push(...full.map((tensor) => cast(backend, tensor, dtype)));
  }
  const result = backend.run("Concat", parts, [{ shape: outShape, dtype }], { ints: [axis] })[0]!;
  for (const part of parts) backend.disposeInfo(part);
  return result;
}

/** Parts of some sizes along an axis, which add up to that of x. */
function split(backend: EngineBackend, x: TensorInfo, sizes: readonly number[], axis: number): TensorInfo[] {
  const shapeOf = (size: number): number[] => x.shape.map((whole, dim) => (dim === axis ? size : whole));
  if (sizes.length === 1) return [backend.alias(x)];
  if (sizes.length <= MOST_OPERANDS) {
    const outputs = sizes.map((size) => ({ shape: shapeOf(size), dtype: x.dtype as NativeDType }));
    return backend.run("SplitV", [x], outputs, { ints: [axis] });
  }
  const begin = x.shape.map(() => 0);
  return sizes.map((size) => {
    const part = slice(backend, x, begin, shapeOf(size));
    begin[axis] = begin[axis]! + size;
    return part;
  });
}
