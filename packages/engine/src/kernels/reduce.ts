/** Reductions over dimensions, and what runs along one. */
import { backend_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { cast } from "./cast.ts";
import { kernel, onHost } from "./kernel.ts";

interface Input {
  x: TensorInfo;
}

interface Reduction {
  axis?: number | number[] | null;
  /** `Max` calls them so. */
  reductionIndices?: number | number[] | null;
  keepDims?: boolean;
}

export const reduce: readonly KernelConfig[] = [
  reduction("Sum", ["float32", "int32", "bool"], sumDType),
  reduction("Prod", ["float32", "int32"]),
  reduction("Max", ["float32", "int32"]),
  reduction("Min", ["float32", "int32"]),
  reduction("All", ["bool"]),
  reduction("Any", ["bool"]),
  kernel<Input, Reduction>("Mean", (backend, { x }, attributes) => {
    const float = cast(backend, x, "float32");
    const mean = run(backend, "Mean", float, attributes, "float32");
    backend.disposeInfo(float);
    return mean;
  }),
  ...["ArgMax", "ArgMin"].map((name) =>
    kernel<Input, { axis: number }>(name, (backend, { x }, { axis }) => {
      const along = util.parseAxisParam(axis, x.shape)[0]!;
      const shape = x.shape.filter((_, dim) => dim !== along);
      return backend.run(name, [x], [{ shape, dtype: "int32" }], { ints: [along] })[0]!;
    }),
  ),
  ...["Cumsum", "Cumprod"].map((name) =>
    kernel<Input, { axis: number; exclusive: boolean; reverse: boolean }>(name, (backend, { x }, attributes) => {
      const { axis, exclusive, reverse } = attributes;
      if (x.dtype === "bool") return onHost(name, backend, { x }, attributes);
      const along = util.parseAxisParam(axis, x.shape)[0]!;
      return backend.run(name, [x], [{ shape: x.shape, dtype: x.dtype as NativeDType }], {
        ints: [along, Number(exclusive), Number(reverse)],
      })[0]!;
    }),
  ),
  // The largest come first, whether that was asked for or not.
  kernel<Input, { k: number; sorted: boolean }>("TopK", (backend, { x }, attributes) => {
    if (x.dtype === "bool") return onHost("TopK", backend, { x }, attributes);
    const shape = [...x.shape.slice(0, -1), attributes.k];
    const dtype = x.dtype as NativeDType;
    return backend.run(
      "TopK",
      [x],
      [
        { shape, dtype },
        { shape, dtype: "int32" },
      ],
    );
  }),
];

function reduction(
  name: string,
  dtypes: readonly string[],
  dtypeOf = (dtype: NativeDType): NativeDType => dtype,
): KernelConfig {
  return kernel<Input, Reduction>(name, (backend, { x }, attributes) => {
    if (!dtypes.includes(x.dtype)) return onHost(name, backend, { x }, attributes);
    return run(backend, name, x, attributes, dtypeOf(x.dtype as NativeDType));
  });
}

function sumDType(dtype: NativeDType): NativeDType {
  return dtype === "bool" ? "int32" : dtype;
}

function run(
  backend: EngineBackend,
  name: string,
  x: TensorInfo,
  { axis, reductionIndices, keepDims = false }: Reduction,
  dtype: NativeDType,
): TensorInfo {
  const axes = util.parseAxisParam((axis ?? reductionIndices)!, x.shape);
  const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
  const shape = keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept;
  return backend.run(name, [x], [{ shape, dtype }], { ints: axes })[0]!;
}
