import { TensorError } from "../errors.ts";
import type { WasmBackend, WasmModule } from "./host-memory.ts";

/**
 * Makes a full heap an error. The backend takes the offset 0 of a failed allocation for an offset like any other and computes on,
 * over its own memory; the heap ends at 4 GiB.
 */
export function guardAllocations({ wasm }: WasmBackend): void {
  if (guarded.has(wasm)) return;
  guarded.add(wasm);
  wasm._free(wasm._malloc(1)); // its first call replaces the property
  const { _malloc: malloc } = wasm;
  wasm._malloc = (bytes) => {
    const offset = bytes < HEAP_LIMIT ? malloc(bytes) >>> 0 : 0; // its size_t has 32 bits; above 2 GiB it comes as a negative number
    if (offset !== 0 || bytes === 0) return offset;
    const heap = wasm.HEAPU8.length;
    throw new TensorError(
      "TENSOR_OUT_OF_MEMORY",
      `wasm: expected ${bytes} bytes free, the heap of ${heap} bytes has none so large`,
      {
        help: "Its limit is 4 GiB: take a smaller batch, context or model, or another device.",
      },
    );
  };
}

const HEAP_LIMIT = 2 ** 32; // bytes
const guarded = new WeakSet<WasmModule>();
