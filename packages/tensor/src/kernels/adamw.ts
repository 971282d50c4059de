import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamWAttributes, AdamWInputs } from "../ops/adamw.ts";
import type { HostMemory } from "./host-memory.ts";

type Infos = { readonly [Name in keyof AdamWInputs]: TensorInfo };

/** One pass over the four arrays instead of fourteen kernels. Each element in float64, rounded when stored. */
export function adamWKernel(memory: HostMemory, inputs: Infos, attributes: AdamWAttributes): TensorInfo[] {
  const { beta1, beta2, eps, decay, stepSize, correction } = attributes;
  const { shape } = inputs.parameter;
  const outputs = [0, 1, 2].map(() => memory.allocate(shape, "float32"));
  const [nextParameter, nextFirst, nextSecond] = outputs.map(memory.floats) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const parameter = memory.floats(inputs.parameter);
  const gradient = memory.floats(inputs.gradient);
  const firstMoment = memory.floats(inputs.firstMoment);
  const secondMoment = memory.floats(inputs.secondMoment);
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i]!;
    const first = firstMoment[i]! + (1 - beta1) * (g - firstMoment[i]!);
    const second = beta2 * secondMoment[i]! + (1 - beta2) * g * g;
    nextFirst[i] = first;
    nextSecond[i] = second;
    nextParameter[i] = decay * parameter[i]! - (stepSize * first) / (Math.sqrt(second) / correction + eps);
  }
  return outputs;
}
