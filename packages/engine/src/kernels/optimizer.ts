/** Optimizers over all parameters in one call, and what comes before them. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

type Tensors = Readonly<Record<string, TensorInfo>>;

interface AdamWAttributes {
  readonly count: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: readonly number[];
  readonly step: number;
}

interface SgdAttributes {
  readonly count: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: readonly number[];
  readonly nesterov: boolean;
}

/** `name0 .. name(count - 1)`. */
function list(inputs: Tensors, name: string, count: number): TensorInfo[] {
  return Array.from({ length: count }, (_, i) => inputs[`${name}${i}`]!);
}

/** Per parameter: itself and what belongs to it. */
function interleaved(...lists: readonly TensorInfo[][]): TensorInfo[] {
  return lists[0]!.flatMap((_, i) => lists.map((each) => each[i]!));
}

function gradientsAndScale(inputs: Tensors, count: number): TensorInfo[] {
  const scale = inputs["gradientScale"];
  return [...list(inputs, "gradient", count), ...(scale === undefined ? [] : [scale])];
}

export const optimizer: readonly KernelConfig[] = [
  kernel<Tensors, AdamWAttributes>("CodexAdamW", (backend, inputs, attributes) => {
    const { count, learningRate, beta1, beta2, eps, step, weightDecay } = attributes;
    const inouts = interleaved(
      list(inputs, "parameter", count),
      list(inputs, "firstMoment", count),
      list(inputs, "secondMoment", count),
    ).map((info) => backend.writable(info));
    const floats = [learningRate, beta1, beta2, eps, step, ...weightDecay];
    backend.run("AdamW", gradientsAndScale(inputs, count), [], { inouts, floats });
    return inouts;
  }),
  kernel<Tensors, SgdAttributes>("CodexSgd", (backend, inputs, attributes) => {
    const { count, learningRate, momentum, nesterov, weightDecay } = attributes;
    const parameters = list(inputs, "parameter", count);
    const states = momentum === 0 ? [] : [list(inputs, "momentumBuffer", count)];
    const inouts = interleaved(parameters, ...states).map((info) => backend.writable(info));
    backend.run("Sgd", gradientsAndScale(inputs, count), [], {
      inouts,
      ints: [Number(momentum !== 0), Number(nesterov)],
      floats: [learningRate, momentum, ...weightDecay],
    });
    return inouts;
  }),
  kernel<Tensors, object>("CodexGlobalNorm", (backend, inputs) =>
    backend.run("GlobalNorm", list(inputs, "x", Object.keys(inputs).length), [{ shape: [], dtype: "float32" }]),
  ),
  kernel<{ sum: TensorInfo; x: TensorInfo }, object>("CodexAccumulate", (backend, { sum, x }) => {
    const total = backend.writable(sum);
    backend.run("Accumulate", [x], [], { inouts: [total] });
    return [total];
  }),
];
