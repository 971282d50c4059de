/** Dropout; the mask is drawn again for the gradient. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import type { Key } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

interface Attributes {
  readonly rate: number;
  readonly key: Key;
  readonly offset: number;
}

export const dropout: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, Attributes>("CodexDropout", (backend, { x }, attributes) =>
    dropped(backend, "Dropout", x, attributes),
  ),
  kernel<{ dy: TensorInfo }, Attributes>("CodexDropoutGradient", (backend, { dy }, attributes) =>
    dropped(backend, "DropoutGradient", dy, attributes),
  ),
];

function dropped(backend: EngineBackend, name: string, x: TensorInfo, { rate, key, offset }: Attributes): TensorInfo[] {
  return backend.run(name, [x], [{ shape: x.shape, dtype: "float32" }], { ints: [key], floats: [rate, offset] });
}
