import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { NativeDType } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

export const tiles: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, { reps: number[] }>("Tile", (backend, { x }, { reps }) => {
    if (reps.every((times) => times === 1)) return backend.alias(x);
    const shape = x.shape.map((size, axis) => size * reps[axis]!);
    return backend.run("Tile", [x], [{ shape, dtype: x.dtype as NativeDType }])[0]!;
  }),
  kernel<{ x: TensorInfo }, { shape: number[] }>(
    "BroadcastTo",
    (backend, { x }, { shape }) => backend.run("BroadcastTo", [x], [{ shape, dtype: x.dtype as NativeDType }])[0]!,
  ),
];
