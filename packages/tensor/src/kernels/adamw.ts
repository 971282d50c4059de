import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamWAttributes } from "../ops/adamw.ts";
import type { HostMemory } from "./host-memory.ts";

interface AdamWInputs {
  readonly parameters: readonly TensorInfo[];
  readonly gradients: readonly TensorInfo[];
  readonly firstMoments: readonly TensorInfo[];
  readonly secondMoments: readonly TensorInfo[];
  readonly gradientScale?: TensorInfo;
}

type Arrays = [Float32Array, Float32Array, Float32Array];

/** One pass over the four arrays of each parameter instead of fourteen kernels. Each element in float64, rounded when stored. */
export function adamWKernel(memory: HostMemory, inputs: AdamWInputs, attributes: AdamWAttributes): TensorInfo[] {
  const { parameters, gradientScale } = inputs;
  const scale = gradientScale === undefined ? 1 : memory.floats(gradientScale)[0]!;
  if (!Number.isFinite(scale)) return [];
  const updated = parameters.map((_, i) => updateOne(memory, inputs, attributes, i, scale));
  return [0, 1, 2].flatMap((list) => updated.map((outputs) => outputs[list]!));
}

function updateOne(
  memory: HostMemory,
  inputs: AdamWInputs,
  { learningRate, beta1, beta2, eps, weightDecay, step }: AdamWAttributes,
  index: number,
  scale: number,
): TensorInfo[] {
  const given = [inputs.parameters, inputs.firstMoments, inputs.secondMoments].map((list) => list[index]!);
  const outputs = given.map((tensor) => memory.overwrite(tensor)); // before any view is taken: the heap may grow
  const [parameter, firstMoment, secondMoment] = given.map(memory.floats) as Arrays;
  const [nextParameter, nextFirst, nextSecond] = outputs.map(memory.floats) as Arrays;
  const gradient = memory.floats(inputs.gradients[index]!);
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
