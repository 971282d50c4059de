/** Softmax over the last axis. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

export const softmax: readonly KernelConfig[] = [
  kernel<{ logits: TensorInfo }, { dim: number }>(
    "Softmax",
    (
      backend,
      { logits }, // `dim` is the last one: the op checks it
    ) => backend.run("Softmax", [logits], [{ shape: logits.shape, dtype: "float32" }])[0]!,
  ),
];
