/** Appending to a cache of keys or values. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

export const cache: readonly KernelConfig[] = [
  kernel<{ cache: TensorInfo; fresh: TensorInfo }, { position: number }>(
    "CodexCacheAppend",
    (backend, { cache: whole, fresh }, { position }) => {
      const next = backend.writable(whole);
      backend.run("CacheAppend", [fresh], [], { inouts: [next], ints: [position] });
      return [next];
    },
  ),
];
