/** Optimizers over all parameters in one call, and what comes before them. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { kernel } from "./kernel.ts";

interface AdamWInputs {
  readonly parameters: readonly TensorInfo[];
  readonly gradients: readonly TensorInfo[];
  readonly firstMoments: readonly TensorInfo[];
  readonly secondMoments: readonly TensorInfo[];
  readonly gradientScale?: TensorInfo;
}

interface SgdInputs {
  readonly parameters: readonly TensorInfo[];
  readonly gradients: readonly TensorInfo[];
  /** Where momentum is not 0. */
  readonly momentumBuffers?: readonly TensorInfo[];
  readonly gradientScale?: TensorInfo;
}

interface AdamWAttributes {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: readonly number[];
  readonly step: number;
}

interface SgdAttributes {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: readonly number[];
  readonly nesterov: boolean;
}

/**
 * Runs an optimizer over `updated`. @returns nothing if all of it was updated where it stands, which spares TensorFlow.js a tensor and an
 * assignment for each; if the memory of one is shared with another tensor, all of it anew
 */
function update(
  backend: EngineBackend,
  updated: readonly TensorInfo[],
  run: (inouts: readonly TensorInfo[]) => void,
): TensorInfo[] {
  if (updated.every(({ dataId }) => backend.refCount(dataId) === 1)) {
    run(updated);
    return [];
  }
  const inouts = updated.map((info) => backend.writable(info));
  run(inouts);
  return inouts;
}

export const optimizer: readonly KernelConfig[] = [
  kernel<AdamWInputs, AdamWAttributes>("CodexAdamW", (backend, inputs, attributes) => {
    const { parameters, gradients, firstMoments, secondMoments, gradientScale } = inputs;
    const { learningRate, beta1, beta2, eps, step, weightDecay } = attributes;
    const given = gradientScale === undefined ? gradients : [...gradients, gradientScale];
    const floats = [learningRate, beta1, beta2, eps, step, ...weightDecay];
    return update(backend, [...parameters, ...firstMoments, ...secondMoments], (inouts) => {
      backend.run("AdamW", given, [], { inouts, floats });
    });
  }),
  kernel<SgdInputs, SgdAttributes>("CodexSgd", (backend, inputs, attributes) => {
    const { parameters, gradients, momentumBuffers = [], gradientScale } = inputs;
    const { learningRate, momentum, nesterov, weightDecay } = attributes;
    const given = gradientScale === undefined ? gradients : [...gradients, gradientScale];
    return update(backend, [...parameters, ...momentumBuffers], (inouts) => {
      backend.run("Sgd", given, [], {
        inouts,
        ints: [Number(momentum !== 0), Number(nesterov)],
        floats: [learningRate, momentum, ...weightDecay],
      });
    });
  }),
  kernel<{ tensors: readonly TensorInfo[] }, object>("CodexGlobalNorm", (backend, { tensors }) =>
    backend.run("GlobalNorm", tensors, [{ shape: [], dtype: "float32" }]),
  ),
  kernel<{ sum: TensorInfo; x: TensorInfo }, object>("CodexAccumulate", (backend, { sum, x }) => {
    const total = backend.writable(sum);
    backend.run("Accumulate", [x], [], { inouts: [total] });
    return [total];
  }),
];
