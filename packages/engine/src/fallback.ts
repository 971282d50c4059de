import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { type BackendValues, type KernelFunc, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "./backend.ts";

export interface HostCall {
  readonly inputs: Parameters<KernelFunc>[0]["inputs"];
  readonly attrs: Parameters<KernelFunc>[0]["attrs"] | undefined;
  readonly backend: EngineBackend;
}

/**
 * A kernel of TensorFlow.js' JavaScript CPU backend, run on values that are read back from the engine; what it returns is copied there.
 * It waits for everything that was enqueued, and `engineStats` counts it.
 */
export function runOnHost(
  kernelName: string,
  kernelFunc: KernelFunc,
  { inputs, attrs, backend }: HostCall,
): TensorInfo | TensorInfo[] {
  backend.recordings.forbid(`${kernelName} runs in JavaScript`);
  backend.fallbacks.set(kernelName, (backend.fallbacks.get(kernelName) ?? 0) + 1);
  const host = new MathBackendCPU();
  (host as unknown as { firstUse: boolean }).firstUse = false; // it would advise the user to install a faster backend
  const onHost = new Map<object, TensorInfo>();
  const toHost = (info: TensorInfo): TensorInfo => {
    const known = onHost.get(info.dataId);
    const moved =
      known === undefined
        ? host.makeTensorInfo(info.shape, info.dtype, hostValues(backend, info))
        : { ...known, shape: info.shape };
    if (info.dtype === "complex64" && known === undefined)
      setComplexParts(host, moved, backend.complexParts(info), toHost);
    onHost.set(info.dataId, moved);
    // The gradients of Dilation2D ask for the rank, which a TensorInfo does not have but a Tensor, which they expect.
    return { ...moved, rank: info.shape.length } as TensorInfo;
  };
  const anyToHost = (input: TensorInfo | TensorInfo[]) => (Array.isArray(input) ? input.map(toHost) : toHost(input));
  // Of kernels that take a list (Concat, AddN), the inputs themselves are an array.
  const given = Array.isArray(inputs)
    ? inputs.map(toHost)
    : Object.fromEntries(
        Object.entries(inputs as Record<string, TensorInfo | TensorInfo[] | null | undefined>)
          .filter(([, input]) => input !== undefined && input !== null)
          .map(([name, input]) => [name, anyToHost(input!)]),
      );
  const results = kernelFunc({
    inputs: given as HostCall["inputs"],
    backend: host,
    ...(attrs === undefined ? {} : { attrs }),
  });
  const fromHost = (info: TensorInfo): TensorInfo => {
    if (info.dtype === "complex64") {
      const parts = host.data.get(info.dataId).complexTensorInfos!;
      const [real, imag] = [fromHost(parts.real), fromHost(parts.imag)];
      const made = backend.makeComplex(info.shape, real, imag);
      for (const part of [real, imag]) backend.disposeInfo(part);
      return made;
    }
    const values = host.data.get(info.dataId).values as BackendValues;
    return backend.makeTensor(values, info.shape, info.dtype);
  };
  return Array.isArray(results) ? results.map(fromHost) : fromHost(results);
}

function hostValues(backend: EngineBackend, info: TensorInfo): BackendValues | undefined {
  if (info.dtype === "complex64") return undefined;
  const values = backend.readSync(info.dataId);
  // A reshape may look at less than the buffer holds only where sizes agree; a string tensor has plain values.
  util.assert(
    values.length === util.sizeFromShape(info.shape),
    () => `engine: [${info.shape}] does not fit ${values.length} values`,
  );
  return values;
}

function setComplexParts(
  host: MathBackendCPU,
  moved: TensorInfo,
  { real, imag }: { real: TensorInfo; imag: TensorInfo },
  toHost: (info: TensorInfo) => TensorInfo,
): void {
  host.data.get(moved.dataId).complexTensorInfos = { real: toHost(real), imag: toHost(imag) };
}
