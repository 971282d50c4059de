/** Convolutions of images and their gradients. */
import { backend_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { kernel, onHost } from "./kernel.ts";
import { activated, precisionNumber } from "./matmul.ts";

type Strides = number | [number, number];

interface Attributes {
  readonly strides: Strides;
  readonly pad: "valid" | "same" | number | backend_util.ExplicitPadding;
  /** Those of depthwise convolutions are always NHWC. */
  readonly dataFormat?: "NHWC" | "NCHW";
  readonly dilations?: Strides | null;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

interface FusedAttributes extends Attributes {
  readonly activation: backend_util.Activation | undefined;
  readonly leakyreluAlpha: number | undefined;
}

interface Inputs {
  x: TensorInfo;
  filter: TensorInfo;
}

interface FusedInputs extends Inputs {
  bias?: TensorInfo;
  preluActivationWeights?: TensorInfo;
}

type Shape4 = [number, number, number, number];

export const conv: readonly KernelConfig[] = [
  kernel<Inputs, Attributes>("Conv2D", (backend, { x, filter }, attributes) => {
    if (attributes.dataFormat === "NCHW") return onHost("Conv2D", backend, { x, filter }, attributes);
    return forward(backend, "Conv2D", x, filter, attributes, undefined, 0);
  }),
  kernel<FusedInputs, FusedAttributes>("FusedConv2D", (backend, inputs, attributes) => {
    if (attributes.dataFormat === "NCHW") return onHost("FusedConv2D", backend, inputs, attributes);
    return fused(backend, "Conv2D", inputs, attributes);
  }),
  kernel<{ dy: TensorInfo; filter: TensorInfo }, Attributes & { inputShape: Shape4 }>(
    "Conv2DBackpropInput",
    (backend, { dy, filter }, attributes) => {
      const { inputShape, dataFormat } = attributes;
      // TensorFlow.js lets a transposed convolution take a dy larger than the forward result, and reads a part of it.
      if (dataFormat === "NCHW" || !isResult(dy, inputShape, filter.shape, attributes)) {
        return onHost("Conv2DBackpropInput", backend, { dy, filter }, attributes);
      }
      return gradient(backend, "Conv2D", "Input", [dy, filter], inputShape, filter.shape, attributes);
    },
  ),
  kernel<{ x: TensorInfo; dy: TensorInfo }, Attributes & { filterShape: Shape4 }>(
    "Conv2DBackpropFilter",
    (backend, { x, dy }, attributes) => {
      if (attributes.dataFormat === "NCHW") return onHost("Conv2DBackpropFilter", backend, { x, dy }, attributes);
      return gradient(backend, "Conv2D", "Filter", [x, dy], x.shape, attributes.filterShape, attributes);
    },
  ),
  kernel<Inputs, Attributes>("DepthwiseConv2dNative", (backend, { x, filter }, attributes) =>
    forward(backend, "DepthwiseConv2dNative", x, filter, attributes, undefined, 0),
  ),
  kernel<FusedInputs, FusedAttributes>("FusedDepthwiseConv2D", (backend, inputs, attributes) =>
    fused(backend, "DepthwiseConv2dNative", inputs, attributes),
  ),
  kernel<{ dy: TensorInfo; filter: TensorInfo }, Attributes & { inputShape: Shape4 }>(
    "DepthwiseConv2dNativeBackpropInput",
    (backend, { dy, filter }, attributes) =>
      gradient(
        backend,
        "DepthwiseConv2dNative",
        "Input",
        [dy, filter],
        attributes.inputShape,
        filter.shape,
        attributes,
      ),
  ),
  kernel<{ x: TensorInfo; dy: TensorInfo }, Attributes & { filterShape: Shape4 }>(
    "DepthwiseConv2dNativeBackpropFilter",
    (backend, { x, dy }, attributes) =>
      gradient(backend, "DepthwiseConv2dNative", "Filter", [x, dy], x.shape, attributes.filterShape, attributes),
  ),
];

type Name = "Conv2D" | "DepthwiseConv2dNative";

/** Sizes of the result, and strides, dilations and padding above and left as the native kernels take them. */
function geometry(name: Name, imageShape: number[], filterShape: number[], attributes: Attributes) {
  const { strides, pad, dimRoundingMode } = attributes;
  const dilations = attributes.dilations ?? 1;
  const info = backend_util.computeConv2DInfo(
    imageShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    name === "DepthwiseConv2dNative",
  );
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo, outShape } = info;
  return { outShape, ints: [strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo.top, padInfo.left] };
}

function isResult(dy: TensorInfo, imageShape: number[], filterShape: number[], attributes: Attributes): boolean {
  return util.arraysEqual(dy.shape, geometry("Conv2D", imageShape, filterShape, attributes).outShape);
}

/** Attributes that only the products of `Conv2D` take. */
function ofProducts(name: Name, ...ints: number[]): number[] {
  return name === "Conv2D" ? ints : [];
}

function forward(
  backend: EngineBackend,
  name: Name,
  x: TensorInfo,
  filter: TensorInfo,
  attributes: Attributes,
  bias: TensorInfo | undefined,
  activation: number,
): TensorInfo {
  const { outShape, ints } = geometry(name, x.shape, filter.shape, attributes);
  return backend.run(
    name,
    bias === undefined ? [x, filter] : [x, filter, bias],
    [{ shape: outShape, dtype: "float32" }],
    { ints: [...ints, ...ofProducts(name, activation, precisionNumber(backend))] },
  )[0]!;
}

function gradient(
  backend: EngineBackend,
  name: Name,
  of: "Input" | "Filter",
  inputs: TensorInfo[],
  imageShape: number[],
  filterShape: number[],
  attributes: Attributes,
): TensorInfo {
  const { ints } = geometry(name, imageShape, filterShape, attributes);
  const shape = of === "Input" ? imageShape : filterShape;
  return backend.run(`${name}Backprop${of}`, inputs, [{ shape, dtype: "float32" }], {
    ints: [...ints, ...ofProducts(name, precisionNumber(backend))],
  })[0]!;
}

/** A convolution with bias and activation: folded into its products, or after it. */
function fused(backend: EngineBackend, name: Name, inputs: FusedInputs, attributes: FusedAttributes): TensorInfo {
  const { x, filter, bias, preluActivationWeights } = inputs;
  const { activation = "linear", leakyreluAlpha } = attributes;
  const outputs = name === "Conv2D" ? filter.shape[3]! : filter.shape[2]! * filter.shape[3]!;
  const isRow = bias !== undefined && util.sizeFromShape(bias.shape) === outputs && bias.shape.at(-1) === outputs;
  const foldsBias = name === "Conv2D" && isRow;
  const foldsRelu = name === "Conv2D" && activation === "relu" && (bias === undefined || foldsBias);
  let y = forward(backend, name, x, filter, attributes, foldsBias ? bias : undefined, foldsRelu ? 1 : 0);
  const replace = (next: TensorInfo): void => {
    backend.disposeInfo(y);
    y = next;
  };
  if (bias !== undefined && !foldsBias) {
    replace(backend.run("Add", [y, bias], [{ shape: y.shape, dtype: "float32" }])[0]!);
  }
  if (activation !== "linear" && !foldsRelu) {
    replace(activated(backend, y, activation, preluActivationWeights, leakyreluAlpha));
  }
  return y;
}
