import type { Tensor } from "@tensorflow/tfjs-core";

const known = new Map<string, string[]>();

/** How a kernel is given a list: `x0`, `x1`, ... Adds them to `into`. */
export function addNumbered(into: Record<string, Tensor>, name: string, tensors: readonly Tensor[]): void {
  const names = known.get(name) ?? []; // hundreds of strings a step would be made anew
  known.set(name, names);
  while (names.length < tensors.length) names.push(`${name}${names.length}`);
  for (const [i, tensor] of tensors.entries()) into[names[i]!] = tensor;
}
