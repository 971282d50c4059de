/** Batch normalization with given moments, of elementwise kernels. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { runBinary } from "./binary.ts";
import { kernel, onHost } from "./kernel.ts";

interface Inputs {
  x: TensorInfo;
  /** This and the others: `[channels]`, or of x's shape. */
  mean: TensorInfo;
  variance: TensorInfo;
  offset?: TensorInfo;
  scale?: TensorInfo;
}

export const batchNorm: readonly KernelConfig[] = [
  kernel<Inputs, { varianceEpsilon: number }>("FusedBatchNorm", (backend, inputs, attributes) => {
    const { x, mean, variance, offset, scale } = inputs;
    const given = [x, mean, variance, offset, scale].filter((input) => input !== undefined);
    if (given.some(({ dtype }) => dtype !== "float32")) return onHost("FusedBatchNorm", backend, inputs, attributes);
    const made: TensorInfo[] = [];
    const make = (info: TensorInfo): TensorInfo => {
      made.push(info);
      return info;
    };
    const binary = (name: string, a: TensorInfo, b: TensorInfo): TensorInfo => make(runBinary(backend, name, a, b));
    const epsilon = make(backend.makeTensor(Float32Array.of(attributes.varianceEpsilon), [], "float32"));
    const guarded = binary("Add", variance, epsilon);
    const inverse = make(backend.run("Rsqrt", [guarded], [{ shape: guarded.shape, dtype: "float32" }])[0]!);
    const factor = scale === undefined ? inverse : binary("Multiply", inverse, scale);
    // The mean first: folded into the offset it would cost the digits that x and the mean have in common.
    const scaled = binary("Multiply", binary("Sub", x, mean), factor);
    const y = offset === undefined ? scaled : binary("Add", scaled, offset);
    for (const info of made) if (info !== y) backend.disposeInfo(info);
    return y;
  }),
];
