import { type KernelFunc, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type HostBackendName, hostMemory } from "./host-memory.ts";

/**
 * Sum over the leading dimensions, as the gradients of biases and of broadcasting are, row by row with float64 sums. The backends
 * transpose first, to have the summed dimensions last; everything else goes to the backend's own kernel.
 */
export function sumKernel(backendName: HostBackendName, own: KernelFunc): KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    const { axis, keepDims } = call.attrs as unknown as { axis: number | number[] | undefined; keepDims: boolean };
    const axes = axis == null ? [] : util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const leading = axes.length > 0 && axes.length < x.shape.length && axes.every((value, i) => value === i);
    if (!leading || x.dtype !== "float32") return own(call);

    const memory = hostMemory(backendName, call.backend);
    const keptShape = x.shape.slice(axes.length);
    const width = util.sizeFromShape(keptShape);
    const output = memory.allocate([...(keepDims ? axes.map(() => 1) : []), ...keptShape], "float32");
    const values = memory.floats(x);
    const sums = new Float64Array(width);
    for (let row = 0; row < values.length; row += width) {
      for (let i = 0; i < width; i++) sums[i] = sums[i]! + values[row + i]!;
    }
    memory.floats(output).set(sums);
    return output;
  };
}
