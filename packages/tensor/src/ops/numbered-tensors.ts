import type { Tensor } from "@tensorflow/tfjs-core";

/** How a kernel is given a list: `x0`, `x1`, ... */
export function numbered(name: string, tensors: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(tensors.map((tensor, i) => [`${name}${i}`, tensor]));
}
