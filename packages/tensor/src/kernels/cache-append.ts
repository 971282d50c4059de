import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { HostMemory } from "./host-memory.ts";

/** Copies only what is new. cache `[B, K, S, D]`, fresh `[B, K, T, D]`. */
export function cacheAppendKernel(
  memory: HostMemory,
  { cache, fresh }: Readonly<Record<"cache" | "fresh", TensorInfo>>,
  { position }: { readonly position: number },
): TensorInfo[] {
  const output = memory.overwrite(cache);
  const [B, K, S, D] = cache.shape as [number, number, number, number];
  const rows = fresh.shape[2]! * D;
  const [to, from] = [memory.floats(output), memory.floats(fresh)];
  if (output.dataId !== cache.dataId) to.set(memory.floats(cache));
  for (let head = 0; head < B * K; head++) {
    to.set(from.subarray(head * rows, (head + 1) * rows), (head * S + position) * D);
  }
  return [output];
}
