/** Rotary position embedding. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

interface Angles {
  cos: TensorInfo;
  sin: TensorInfo;
}

interface Attributes {
  readonly layout: "bhtd" | "bthd";
}

export const rotary: readonly KernelConfig[] = [
  kernel<Angles & { x: TensorInfo }, Attributes>("CodexRotaryEmbedding", (backend, { x, cos, sin }, { layout }) =>
    backend.run("RotaryEmbedding", [x, cos, sin], [{ shape: x.shape, dtype: "float32" }], {
      ints: [Number(layout === "bthd")],
    }),
  ),
  kernel<Angles & { dy: TensorInfo }, Attributes>(
    "CodexRotaryEmbeddingGradient",
    (backend, { dy, cos, sin }, { layout }) =>
      backend.run("RotaryEmbeddingGradient", [dy, cos, sin], [{ shape: dy.shape, dtype: "float32" }], {
        ints: [Number(layout === "bthd")],
      }),
  ),
];
