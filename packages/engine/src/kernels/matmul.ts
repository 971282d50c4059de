/** Products of matrices, one or many. */
import { backend_util, broadcast_util, type KernelConfig, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { kernel, onHost } from "./kernel.ts";

/** Numbers of `Activation` in crates/engine. */
export const ACTIVATION_NUMBERS = { none: 0, relu: 1, gelu: 2, geluTanh: 3, silu: 4 } as const;

export function precisionNumber(backend: EngineBackend): number {
  return backend.precision === "bfloat16" ? 1 : 0;
}

interface Transposes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface FusedAttributes extends Transposes {
  readonly activation: backend_util.Activation | undefined;
  readonly leakyreluAlpha: number | undefined;
}

interface FusedInputs {
  a: TensorInfo;
  b: TensorInfo;
  bias?: TensorInfo;
  preluActivationWeights?: TensorInfo;
}

export const matmul: readonly KernelConfig[] = [
  kernel<{ a: TensorInfo; b: TensorInfo }, Transposes>("BatchMatMul", (backend, { a, b }, attributes) => {
    if (a.dtype !== "float32" || b.dtype !== "float32") return onHost("BatchMatMul", backend, { a, b }, attributes);
    return product(backend, a, b, attributes.transposeA, attributes.transposeB, undefined, 0);
  }),
  kernel<FusedInputs, FusedAttributes>("_FusedMatMul", (backend, inputs, attributes) => {
    const { a, b, bias, preluActivationWeights } = inputs;
    const { transposeA, transposeB, activation = "linear", leakyreluAlpha } = attributes;
    if (a.dtype !== "float32" || b.dtype !== "float32") return onHost("_FusedMatMul", backend, inputs, attributes);
    const columns = b.shape[b.shape.length - (transposeB ? 2 : 1)]!;
    const rowBias = bias !== undefined && util.sizeFromShape(bias.shape) === columns && bias.shape.at(-1) === columns;
    const isFolded = activation === "relu" && (bias === undefined || rowBias);
    let y = product(backend, a, b, transposeA, transposeB, rowBias ? bias : undefined, isFolded ? 1 : 0);
    const replace = (next: TensorInfo): void => {
      backend.disposeInfo(y);
      y = next;
    };
    if (bias !== undefined && !rowBias) {
      const shape = backend_util.assertAndGetBroadcastShape(y.shape, bias.shape);
      replace(backend.run("Add", [y, bias], [{ shape, dtype: "float32" }])[0]!);
    }
    if (!isFolded && activation !== "linear")
      replace(activated(backend, y, activation, preluActivationWeights, leakyreluAlpha));
    return y;
  }),
];

/** An activation of TensorFlow.js' fused kernels, as a kernel of its own. */
export function activated(
  backend: EngineBackend,
  x: TensorInfo,
  activation: backend_util.Activation,
  preluWeights: TensorInfo | undefined,
  leakyreluAlpha: number | undefined,
): TensorInfo {
  const output = [{ shape: x.shape, dtype: "float32" as const }];
  switch (activation) {
    case "linear":
      return backend.alias(x);
    case "relu":
      return backend.run("Relu", [x], output)[0]!;
    case "relu6":
      return backend.run("Relu6", [x], output)[0]!;
    case "elu":
      return backend.run("Elu", [x], output)[0]!;
    case "sigmoid":
      return backend.run("Sigmoid", [x], output)[0]!;
    case "leakyrelu":
      return backend.run("LeakyRelu", [x], output, { floats: [leakyreluAlpha ?? 0.2] })[0]!;
    case "prelu":
      return backend.run("Prelu", [x, preluWeights!], output)[0]!;
    default:
      throw new Error(`Activation ${activation} has not been implemented for the engine.`);
  }
}

function product(
  backend: EngineBackend,
  a: TensorInfo,
  b: TensorInfo,
  transposeA: boolean,
  transposeB: boolean,
  bias: TensorInfo | undefined,
  activation: number,
): TensorInfo {
  const [aRank, bRank] = [a.shape.length, b.shape.length];
  const [innerA, innerB] = [a.shape[aRank - (transposeA ? 2 : 1)], b.shape[bRank - (transposeB ? 1 : 2)]];
  util.assert(
    innerA === innerB,
    () =>
      `Error in matMul: inner shapes (${innerA}) and (${innerB}) of Tensors with shapes ${a.shape} and ${b.shape} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const batch = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, a.shape[aRank - (transposeA ? 1 : 2)]!, b.shape[bRank - (transposeB ? 2 : 1)]!];
  const ints = [Number(transposeA), Number(transposeB), activation, precisionNumber(backend)];
  return backend.run("MatMul", bias === undefined ? [a, b] : [a, b, bias], [{ shape, dtype: "float32" }], { ints })[0]!;
}
