/** Rows of a table by token id. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

export const embedding: readonly KernelConfig[] = [
  kernel<{ weight: TensorInfo; ids: TensorInfo }, object>("CodexEmbedding", (backend, { weight, ids }) =>
    backend.run("Embedding", [weight, ids], [{ shape: [...ids.shape, weight.shape[1]!], dtype: "float32" }]),
  ),
  kernel<{ dy: TensorInfo; ids: TensorInfo }, { vocabSize: number }>(
    "CodexEmbeddingGradient",
    (backend, { dy, ids }, { vocabSize }) =>
      backend.run("EmbeddingGradient", [dy, ids], [{ shape: [vocabSize, dy.shape.at(-1)!], dtype: "float32" }]),
  ),
];
