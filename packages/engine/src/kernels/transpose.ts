import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { NativeDType } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

export const transposes: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, { perm: number[] }>("Transpose", (backend, { x }, { perm }) => transpose(backend, x, perm)),
];

/** Axis `i` of the result is axis `permutation[i]` of x. Only where axes of size 1 move, the data stays. */
export function transpose(backend: EngineBackend, x: TensorInfo, permutation: readonly number[]): TensorInfo {
  const shape = permutation.map((axis) => x.shape[axis]!);
  const moving = permutation.filter((axis) => x.shape[axis] !== 1);
  if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return backend.alias(x, shape);
  return backend.run("Transpose", [x], [{ shape, dtype: x.dtype as NativeDType }], { ints: permutation })[0]!;
}
