import type { TensorInfo } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { formatShape } from "../shape-checks.ts";
import type { HostMemory } from "./host-memory.ts";

/** Copies rows; the GatherV2 of the wasm backend computes the coordinates of every element. */
export function embeddingKernel(
  memory: HostMemory,
  { weight, ids }: Readonly<Record<"weight" | "ids", TensorInfo>>,
): TensorInfo[] {
  const [vocabSize, width] = weight.shape as [number, number];
  const output = memory.allocate([...ids.shape, width], "float32");
  const rows = memory.floats(output);
  const table = memory.floats(weight);
  memory.ints(ids).forEach((id, i) => {
    if (id < 0 || id >= vocabSize) {
      const message = `embedding: expected ids in 0 .. ${vocabSize - 1} for weight ${formatShape(weight.shape)}, got ${id} at ${i}`;
      throw new TensorError("TENSOR_ARGUMENT_INVALID", message, { help: "Is the tokenizer the model's own?" });
    }
    rows.set(table.subarray(id * width, (id + 1) * width), i * width);
  });
  return [output];
}
