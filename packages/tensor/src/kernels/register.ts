import { getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel } from "@tensorflow/tfjs-core";
import { type HostBackendName, type HostMemory, hostMemory } from "./host-memory.ts";
import { unsortedSegmentSum } from "./unsorted-segment-sum.ts";

type Attributes = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, TensorInfo>>;
type HostKernel = (memory: HostMemory, inputs: never, attributes: never) => TensorInfo | TensorInfo[];

/** Kernels in TypeScript for a backend whose memory it can address. Call it when the backend's own kernels are registered. */
export function registerHostKernels(backendName: HostBackendName): void {
  register(
    backendName,
    "UnsortedSegmentSum",
    (memory, inputs: Record<"x" | "segmentIds", TensorInfo>, attributes: { numSegments: number }) =>
      unsortedSegmentSum(memory, inputs, attributes.numSegments),
  );
}

function register(backendName: HostBackendName, kernelName: string, kernel: HostKernel): void {
  const run = kernel as (memory: HostMemory, inputs: Inputs, attributes: Attributes) => TensorInfo | TensorInfo[];
  replaceKernel(backendName, kernelName, ({ inputs, attrs, backend }) =>
    run(hostMemory(backendName, backend), inputs as Inputs, (attrs ?? {}) as Attributes),
  );
}

export function replaceKernel(backendName: string, kernelName: string, kernelFunc: KernelFunc): void {
  if (getKernel(kernelName, backendName) !== undefined) unregisterKernel(kernelName, backendName);
  registerKernel({ kernelName, backendName, kernelFunc });
}
