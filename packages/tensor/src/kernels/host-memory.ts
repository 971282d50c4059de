import type { BackendValues, DataId, DataType, TensorInfo } from "@tensorflow/tfjs-core";

/**
 * The memory of the two backends that JavaScript can address: plain arrays on `cpu`, the heap of the module on `wasm`. Kernels in
 * TypeScript read and write through this.
 *
 * A view of the wasm heap dies when the heap grows: allocate the outputs first, then take the views.
 */
export interface HostMemory {
  /** Contents undefined. */
  allocate(shape: number[], dtype: "float32" | "int32"): TensorInfo;
  /**
   * Memory for an output that takes the place of an input: the input's own, contents and all, with one more reference, where no other
   * tensor shares it; else new memory, contents undefined.
   */
  overwrite(tensor: TensorInfo): TensorInfo;
  floats(tensor: TensorInfo): Float32Array;
  ints(tensor: TensorInfo): Int32Array;
}

export type HostBackendName = "cpu" | "wasm";

interface CpuBackend {
  readonly data: { get(dataId: DataId): { values: BackendValues } };
  makeTensorInfo(shape: number[], dtype: DataType, values: BackendValues): TensorInfo;
}

export interface WasmBackend {
  readonly wasm: WasmModule;
  refCount(dataId: DataId): number;
  incRef(dataId: DataId): void;
  readonly dataIdMap: { get(dataId: DataId): { readonly id: number; readonly memoryOffset: number } };
  dataIdNextNumber: number;
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
}

/** The Emscripten module; offsets and sizes in bytes. */
export interface WasmModule {
  readonly HEAPU8: Uint8Array;
  _malloc: (bytes: number) => number;
  _free(offset: number): void;
  /** Ids of registered tensors; `aShape` and `bShape` are offsets of int32 shapes. */
  _BatchMatMul(
    aId: number,
    aShape: number,
    aRank: number,
    bId: number,
    bShape: number,
    bRank: number,
    transposeA: number,
    transposeB: number,
    outId: number,
  ): void;
  readonly tfjs: {
    registerTensor(id: number, size: number, memoryOffset: number): void;
    disposeData(id: number): void;
  };
}

export function hostMemory(backendName: HostBackendName, backend: unknown): HostMemory {
  return backendName === "cpu" ? cpuMemory(backend as CpuBackend) : wasmMemory(backend as WasmBackend);
}

function cpuMemory(backend: CpuBackend): HostMemory {
  return {
    allocate(shape, dtype) {
      const size = shape.reduce((product, length) => product * length, 1);
      return backend.makeTensorInfo(shape, dtype, dtype === "int32" ? new Int32Array(size) : new Float32Array(size));
    },
    // Never the input's own: the backend hands out the arrays that it computes on.
    overwrite: ({ shape }) => cpuMemory(backend).allocate(shape, "float32"),
    floats: ({ dataId }) => backend.data.get(dataId).values as Float32Array,
    ints: ({ dataId }) => backend.data.get(dataId).values as Int32Array,
  };
}

function wasmMemory(backend: WasmBackend): HostMemory {
  const view = ({ dataId, shape }: TensorInfo): [ArrayBuffer, number, number] => [
    backend.wasm.HEAPU8.buffer as ArrayBuffer,
    backend.dataIdMap.get(dataId).memoryOffset,
    shape.reduce((product, length) => product * length, 1),
  ];
  return {
    allocate: (shape, dtype) => backend.makeOutput(shape, dtype),
    overwrite({ dataId, shape, dtype }) {
      if (backend.refCount(dataId) > 1) return backend.makeOutput(shape, dtype);
      forgetPacked(backend, dataId, shape);
      backend.incRef(dataId);
      return { dataId, shape, dtype };
    },
    floats: (tensor) => new Float32Array(...view(tensor)),
    ints: (tensor) => new Int32Array(...view(tensor)),
  };
}

/** XNNPACK keeps packed copies of right operands under the tensor's id, and drops them when the id is given back. */
function forgetPacked({ wasm, dataIdMap }: WasmBackend, dataId: DataId, shape: readonly number[]): void {
  const { id, memoryOffset } = dataIdMap.get(dataId);
  wasm.tfjs.disposeData(id);
  wasm.tfjs.registerTensor(
    id,
    shape.reduce((product, length) => product * length, 1),
    memoryOffset,
  );
}
