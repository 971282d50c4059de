/** @module Processor, memory, disk, network and GPU, sampled at an interval without a native module. */
export { type GpuSample, readGpus } from "./system-metrics/gpus.ts";
export {
  SHORTEST_INTERVAL_SECONDS,
  type SystemSampler,
  type SystemSamplerOptions,
  startSystemSampler,
} from "./system-metrics/system-sampler.ts";
