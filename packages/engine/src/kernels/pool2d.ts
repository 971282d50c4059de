/** Pooling of images and its gradients. */
import { backend_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { kernel, onHost } from "./kernel.ts";

interface Pooling {
  filterSize: number | [number, number];
  strides: number | [number, number];
  pad: "valid" | "same" | number | backend_util.ExplicitPadding;
  dimRoundingMode?: "floor" | "round" | "ceil";
}

export const pool2d: readonly KernelConfig[] = [
  ...["MaxPool", "AvgPool"].map((name) =>
    kernel<{ x: TensorInfo }, Pooling>(name, (backend, { x }, attributes) => {
      if (x.dtype !== "float32") return onHost(name, backend, { x }, attributes);
      const windows = poolWindows(x, attributes);
      const isIdentity = windows.filterHeight === 1 && windows.filterWidth === 1;
      if (isIdentity && util.arraysEqual(windows.inShape, windows.outShape)) return backend.alias(x);
      const output = { shape: windows.outShape, dtype: "float32" } as const;
      return backend.run(name, [x], [output], { ints: geometry(windows) })[0]!;
    }),
  ),
  ...["MaxPoolGrad", "AvgPoolGrad"].map((name) =>
    kernel<{ dy: TensorInfo; input: TensorInfo; output?: TensorInfo }, Pooling>(name, (backend, inputs, attributes) => {
      const { dy, input } = inputs;
      if (dy.dtype !== "float32" || input.dtype !== "float32") return onHost(name, backend, inputs, attributes);
      const output = { shape: input.shape, dtype: "float32" } as const;
      return backend.run(name, [dy, input], [output], { ints: geometry(poolWindows(input, attributes)) })[0]!;
    }),
  ),
];

function poolWindows(x: TensorInfo, { filterSize, strides, pad, dimRoundingMode }: Pooling): backend_util.Conv2DInfo {
  return backend_util.computePool2DInfo(x.shape as never, filterSize, strides, 1, pad, dimRoundingMode);
}

function geometry({
  filterHeight,
  filterWidth,
  strideHeight,
  strideWidth,
  padInfo,
}: backend_util.Conv2DInfo): number[] {
  return [filterHeight, filterWidth, strideHeight, strideWidth, padInfo.top, padInfo.left];
}
