import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamWAttributes } from "../ops/adamw.ts";
import type { HostMemory } from "./host-memory.ts";

type Arrays = [Float32Array, Float32Array, Float32Array];

/** One pass over the four arrays of each parameter instead of fourteen kernels. Each element in float64, rounded when stored. */
export function adamWKernel(
  memory: HostMemory,
  inputs: Readonly<Record<string, TensorInfo>>,
  attributes: AdamWAttributes,
): TensorInfo[] {
  const { gradientScale } = inputs;
  const scale = gradientScale === undefined ? 1 : memory.floats(gradientScale)[0]!;
  if (!Number.isFinite(scale)) return [];
  return Array.from({ length: attributes.count }, (_, i) => updateOne(memory, inputs, attributes, i, scale)).flat();
}

function updateOne(
  memory: HostMemory,
  inputs: Readonly<Record<string, TensorInfo>>,
  { learningRate, beta1, beta2, eps, weightDecay, step }: AdamWAttributes,
  index: number,
  scale: number,
): TensorInfo[] {
  const given = ["parameter", "firstMoment", "secondMoment"].map((name) => inputs[name + index]!);
  const outputs = given.map((tensor) => memory.overwrite(tensor)); // before any view is taken: the heap may grow
  const [parameter, firstMoment, secondMoment] = given.map(memory.floats) as Arrays;
  const [nextParameter, nextFirst, nextSecond] = outputs.map(memory.floats) as Arrays;
  const gradient = memory.floats(inputs[`gradient${index}`]!);
  const decay = 1 - learningRate * weightDecay[index]!;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < parameter.length; i++) {
    const g = scale * gradient[i]!;
    const first = firstMoment[i]! + (1 - beta1) * (g - firstMoment[i]!);
    const second = beta2 * secondMoment[i]! + (1 - beta2) * g * g;
    nextFirst[i] = first;
    nextSecond[i] = second;
    nextParameter[i] = decay * parameter[i]! - (stepSize * first) / (Math.sqrt(second) / correction + eps);
  }
  return outputs;
}
