/** Attention without stored scores; the gradient computes the probabilities again from the logarithm of each row's sum. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { Key } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

interface Mask {
  readonly causal: boolean;
  readonly scale: number;
  readonly dropout?: { readonly rate: number; readonly key: Key; readonly offset: number };
}

interface Attributes extends Mask {
  readonly layout: "bhtd" | "bthd";
  readonly keyLength?: number;
}

interface Inputs {
  q: TensorInfo;
  k: TensorInfo;
  v: TensorInfo;
  documentIds?: TensorInfo;
}

interface PackedAttributes extends Mask {
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
}

interface PackedInputs {
  qkv: TensorInfo;
  documentIds?: TensorInfo;
}

/** What the forward kernels return beside their value. */
interface Saved {
  dy: TensorInfo;
  /** The value. */
  extra0: TensorInfo;
  /** `[batch, heads, queries]`: logarithms to base 2. */
  extra1: TensorInfo;
}

export const attention: readonly KernelConfig[] = [
  kernel<Inputs, Attributes>("CodexAttention", (backend, { q, k, v, documentIds }, attributes) => {
    const [batch, first, second] = q.shape as [number, number, number];
    const rows = attributes.layout === "bthd" ? [batch, second, first] : [batch, first, second];
    return withExtras(backend, "Attention", present(q, k, v, documentIds), q.shape, rows, numbers(backend, attributes));
  }),
  kernel<Inputs & Saved, Attributes & { gradientsOf: readonly string[] }>(
    "CodexAttentionGradient",
    (backend, { dy, q, k, v, documentIds, extra0, extra1 }, attributes) => {
      const gradients = backend.run(
        "AttentionGradient",
        present(dy, q, k, v, extra0, extra1, documentIds),
        [q, k, v].map(({ shape }) => ({ shape, dtype: "float32" })),
        numbers(backend, attributes),
      );
      const wanted = ["q", "k", "v"].map((name) => attributes.gradientsOf.includes(name));
      gradients.forEach((gradient, i) => {
        if (!wanted[i]) backend.disposeInfo(gradient);
      });
      return gradients.filter((_, i) => wanted[i]);
    },
  ),
  kernel<PackedInputs, PackedAttributes>("CodexSelfAttention", (backend, { qkv, documentIds }, attributes) => {
    const [batch, time, width] = qkv.shape as [number, number, number];
    const { numAttentionHeads: heads, numKeyValueHeads } = attributes;
    const shape = [batch, time, (width / (heads + 2 * numKeyValueHeads)) * heads];
    const rows = [batch, heads, time];
    return withExtras(backend, "SelfAttention", present(qkv, documentIds), shape, rows, numbers(backend, attributes));
  }),
  kernel<PackedInputs & Saved, PackedAttributes>(
    "CodexSelfAttentionGradient",
    (backend, { dy, qkv, documentIds, extra0, extra1 }, attributes) =>
      backend.run(
        "SelfAttentionGradient",
        present(dy, qkv, extra0, extra1, documentIds),
        [{ shape: qkv.shape, dtype: "float32" }],
        numbers(backend, attributes),
      ),
  ),
];

/** Value, value again (for the gradient, without a copy) and logarithms. */
function withExtras(
  backend: EngineBackend,
  name: string,
  inputs: readonly TensorInfo[],
  shape: number[],
  rows: number[],
  options: { ints: (number | Key)[]; floats: number[] },
): TensorInfo[] {
  const outputs = [shape, rows].map((shape) => ({ shape, dtype: "float32" as const }));
  const [y, logSumExp] = backend.run(name, inputs, outputs, options) as [TensorInfo, TensorInfo];
  return [y, backend.alias(y), logSumExp];
}

/** In the order that the native kernels expect. */
function numbers(
  backend: EngineBackend,
  attributes: Attributes | PackedAttributes,
): { ints: (number | Key)[]; floats: number[] } {
  const { causal, scale, dropout } = attributes;
  const common = [Number(causal), ...("layout" in attributes ? [attributes.keyLength ?? -1] : [])];
  const first =
    "layout" in attributes
      ? [attributes.layout === "bthd" ? 1 : 0]
      : [attributes.numAttentionHeads, attributes.numKeyValueHeads];
  const precision = backend.precision === "bfloat16" ? 1 : 0;
  return {
    ints: [...first, ...common, precision, ...(dropout === undefined ? [0, 0] : [dropout.key])],
    floats: [scale, dropout?.rate ?? 0, dropout?.offset ?? 0],
  };
}

function present(...inputs: (TensorInfo | undefined)[]): TensorInfo[] {
  return inputs.filter((input) => input !== undefined);
}
