import type { EngineBackend } from "./backend.ts";

export interface EngineStats {
  /** Instruction set of the kernels. */
  readonly isa: string;
  readonly threads: number;
  /** Native kernels that ran, those of replayed steps included. */
  readonly kernels: number;
  /** Recorded steps that were replayed. */
  readonly replays: number;
  readonly kernelTimeMs: number;
  /** Kernels that ran on TensorFlow.js' JavaScript CPU backend because the engine has none, by name. */
  readonly fallbacks: Readonly<Record<string, number>>;
  /** In tensors and scratch memory. */
  readonly bytesInUse: number;
  /** Kept for the next tensors. */
  readonly bytesCached: number;
  /** Most of both together. */
  readonly bytesPeak: number;
  /** Times that the system was asked for memory: the second step of a training run adds none. */
  readonly systemAllocations: number;
}

export function statsOf(backend: EngineBackend): EngineStats {
  const { kernels, replays, kernelMs, ...memory } = backend.native.stats();
  return {
    isa: backend.native.isa,
    threads: backend.native.threads,
    kernels,
    replays,
    kernelTimeMs: kernelMs,
    fallbacks: Object.fromEntries(backend.fallbacks),
    ...memory,
  };
}
