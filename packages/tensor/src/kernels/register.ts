import { getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel } from "@tensorflow/tfjs-core";
import { adamWKernel } from "./adamw.ts";
import { cacheAppendKernel } from "./cache-append.ts";
import { gatherKernel } from "./gather.ts";
import { type HostBackendName, type HostMemory, hostMemory } from "./host-memory.ts";
import { sumKernel } from "./sum.ts";
import { unsortedSegmentSum } from "./unsorted-segment-sum.ts";
import { wasmBatchMatMul } from "./wasm-batch-mat-mul.ts";

type HostKernel<Inputs, Attributes> = (
  memory: HostMemory,
  inputs: Inputs,
  attributes: Attributes,
) => TensorInfo | TensorInfo[];

/**
 * Kernels in TypeScript for a backend whose memory JavaScript can address: what the wasm backend lacks for a training step, and the
 * few ops where its way is much slower than a plain loop. Call it once the backend's own kernels are registered.
 */
export function registerHostKernels(backendName: HostBackendName): void {
  registerHostKernel(backendName, "CodexAdamW", adamWKernel);
  registerHostKernel(backendName, "CodexCacheAppend", cacheAppendKernel);
  registerHostKernel(backendName, "UnsortedSegmentSum", unsortedSegmentSum);
  replaceKernel(backendName, "GatherV2", gatherKernel(backendName, getKernel("GatherV2", backendName).kernelFunc));
  replaceKernel(backendName, "Sum", sumKernel(backendName, getKernel("Sum", backendName).kernelFunc));
  if (backendName === "wasm") replaceKernel(backendName, "BatchMatMul", wasmBatchMatMul);
}

function registerHostKernel<Inputs, Attributes>(
  backendName: HostBackendName,
  kernelName: string,
  kernel: HostKernel<Inputs, Attributes>,
): void {
  replaceKernel(backendName, kernelName, ({ inputs, attrs, backend }) =>
    kernel(hostMemory(backendName, backend), inputs as Inputs, attrs as Attributes),
  );
}

/** The backend's own `setupFunc` stays: the own kernel may still be called by ours. */
function replaceKernel(backendName: string, kernelName: string, kernelFunc: KernelFunc): void {
  const own = getKernel(kernelName, backendName);
  if (own !== undefined) unregisterKernel(kernelName, backendName);
  registerKernel({ ...own, kernelName, backendName, kernelFunc });
}
