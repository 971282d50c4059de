import { getKernel, type KernelConfig, type TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { runOnHost } from "../fallback.ts";

/** Computes a TensorFlow.js kernel by enqueueing native ones. Shapes and dtypes of the results are known at once, their values later. */
export type EngineKernel<Inputs, Attributes> = (
  backend: EngineBackend,
  inputs: Inputs,
  attributes: Attributes,
) => TensorInfo | TensorInfo[];

/**
 * Registers a native kernel under TensorFlow.js' name. Complex numbers and strings have no native buffers: with such an operand the
 * JavaScript CPU kernel of the same name runs.
 */
export function kernel<Inputs, Attributes>(kernelName: string, run: EngineKernel<Inputs, Attributes>): KernelConfig {
  return {
    kernelName,
    backendName: "engine",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const engine = backend as EngineBackend;
      if (Object.values(inputs).some(hasHostOperand)) {
        return runOnHost(kernelName, getKernel(kernelName, "cpu").kernelFunc, { inputs, attrs, backend: engine });
      }
      return run(engine, inputs as Inputs, attrs as Attributes);
    },
  };
}

/** As `kernel`, for one that deals with complex numbers and strings itself. */
export function anyDTypeKernel<Inputs, Attributes>(
  kernelName: string,
  run: EngineKernel<Inputs, Attributes>,
): KernelConfig {
  return {
    kernelName,
    backendName: "engine",
    kernelFunc: ({ inputs, attrs, backend }) => run(backend as EngineBackend, inputs as Inputs, attrs as Attributes),
  };
}

/** For operands that only the JavaScript CPU kernel computes. */
export function onHost(
  kernelName: string,
  backend: EngineBackend,
  inputs: object,
  attributes: object,
): TensorInfo | TensorInfo[] {
  return runOnHost(kernelName, getKernel(kernelName, "cpu").kernelFunc, {
    inputs: inputs as Parameters<typeof runOnHost>[2]["inputs"],
    attrs: attributes as Parameters<typeof runOnHost>[2]["attrs"],
    backend,
  });
}

function hasHostOperand(input: TensorInfo | TensorInfo[] | undefined): boolean {
  if (Array.isArray(input)) return input.some(hasHostOperand);
  return input?.dtype === "complex64" || input?.dtype === "string";
}
