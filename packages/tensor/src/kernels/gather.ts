import { type KernelFunc, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { formatShape } from "../shape-checks.ts";
import { type HostBackendName, hostMemory } from "./host-memory.ts";

/**
 * Gather of float32: copies rows. The wasm backend's own computes the coordinates of every element, and takes the wrong ones where
 * there are batch dimensions; neither it nor the one of the cpu backend minds an index out of range.
 *
 * x is seen as [B, O, n, I], the indices as [B, m], the result as [B, O, m, I].
 */
export function gatherKernel(backendName: HostBackendName, own: KernelFunc): KernelFunc {
  return (call) => {
    const { x, indices } = call.inputs as { x: TensorInfo; indices: TensorInfo };
    if (x.dtype !== "float32" || indices.dtype !== "int32") return own(call);

    const { axis: anyAxis, batchDims = 0 } = call.attrs as unknown as { axis: number; batchDims?: number };
    const axis = util.parseAxisParam(anyAxis, x.shape)[0]!;
    const length = x.shape[axis]!;
    const batch = util.sizeFromShape(x.shape.slice(0, batchDims));
    const outer = util.sizeFromShape(x.shape.slice(batchDims, axis));
    const inner = util.sizeFromShape(x.shape.slice(axis + 1));
    const picked = util.sizeFromShape(indices.shape.slice(batchDims));

    const memory = hostMemory(backendName, call.backend);
    const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
    const output = memory.allocate(shape, "float32");
    const [from, to, rows] = [memory.floats(x), memory.floats(output), memory.ints(indices)];
    let at = 0;
    for (let block = 0; block < batch * outer; block++) {
      const firstRow = Math.floor(block / outer) * picked;
      for (let i = firstRow; i < firstRow + picked; i++, at += inner) {
        const row = rows[i]!;
        if (row < 0 || row >= length) throw outOfRange(x, axis, row, i);
        const start = (block * length + row) * inner;
        to.set(from.subarray(start, start + inner), at);
      }
    }
    return output;
  };
}

function outOfRange(x: TensorInfo, axis: number, row: number, at: number): TensorError {
  const where = `axis ${axis} of ${formatShape(x.shape)}`;
  return new TensorError(
    "TENSOR_ARGUMENT_INVALID",
    `gather: expected indices in 0 .. ${x.shape[axis]! - 1} for ${where}, got ${row} at ${at}`,
    { help: "If these are token ids: are the tokenizer and the model of one vocabulary?" },
  );
}
