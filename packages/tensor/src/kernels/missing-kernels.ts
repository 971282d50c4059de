import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import {
  type BackendValues,
  getKernel,
  getKernelsForBackend,
  type KernelBackend,
  type KernelConfig,
  registerKernel,
  type TensorInfo,
} from "@tensorflow/tfjs-core";

/**
 * Registers the kernels that a backend lacks and the JavaScript CPU backend has, run there on copies: wasm cannot train a convolution
 * otherwise (no Conv2DBackpropFilter, no MaxPoolGrad). Slow, and right.
 */
export function registerMissingKernels(backendName: "wasm"): void {
  for (const config of getKernelsForBackend("cpu")) {
    if (getKernel(config.kernelName, backendName) !== undefined) continue;
    if (config.kernelName.startsWith("Codex")) continue; // an op that finds no kernel composes itself
    registerKernel(onCpu(config, backendName));
  }
}

type Inputs = Readonly<Record<string, TensorInfo | TensorInfo[] | null | undefined>>;

function onCpu({ kernelName, kernelFunc }: KernelConfig, backendName: string): KernelConfig {
  return {
    kernelName,
    backendName,
    kernelFunc({ inputs, attrs, backend }) {
      const device = backend as KernelBackend;
      const host = new MathBackendCPU();
      (host as unknown as { firstUse: boolean }).firstUse = false; // it would advise the user to install a faster backend
      const toHost = (info: TensorInfo): TensorInfo => {
        if (info.dtype === "complex64")
          throw new Error(`${kernelName}: the ${backendName} backend has no complex numbers`);
        return host.makeTensorInfo(info.shape, info.dtype, device.readSync(info.dataId) as BackendValues);
      };
      const fromHost = ({ dataId, shape, dtype }: TensorInfo): TensorInfo => {
        return { dataId: device.write(host.readSync(dataId), shape, dtype) as object, shape, dtype };
      };
      const given = Object.entries(inputs as Inputs).flatMap(([name, input]) => {
        if (input === null || input === undefined) return [];
        return [[name, Array.isArray(input) ? input.map(toHost) : toHost(input)] as const];
      });
      const results = kernelFunc({
        inputs: Object.fromEntries(given) as Record<string, TensorInfo>,
        backend: host,
        ...(attrs === undefined ? {} : { attrs }),
      });
      return Array.isArray(results) ? results.map(fromHost) : fromHost(results);
    },
  };
}
