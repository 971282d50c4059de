import { env, findBackend } from "@tensorflow/tfjs-core";
import type { WasmBackend } from "../kernels/host-memory.ts";
import { registerMissingKernels } from "../kernels/missing-kernels.ts";
import { registerHostKernels } from "../kernels/register.ts";
import { guardAllocations } from "../kernels/wasm-memory.ts";
import { absent, type Device, type DeviceStatus, messageOf } from "./device.ts";
import { initializeBackend } from "./initialize-backend.ts";
import { quietly } from "./quietly.ts";

const ENABLE = "Reinstall @codex/tensor: @tensorflow/tfjs-backend-wasm is one of its dependencies.";

let status: Promise<DeviceStatus> | undefined;

/** TensorFlow.js on WebAssembly. In Node it has SIMD and one thread: its threaded build needs a browser's workers. */
export const wasmDevice: Device = {
  name: "wasm",
  load() {
    status ??= loadWasm();
    return status;
  },
};

async function loadWasm(): Promise<DeviceStatus> {
  try {
    const wasm = await quietly(() => import("@tensorflow/tfjs-backend-wasm"));
    registerHostKernels("wasm");
    registerMissingKernels("wasm");
    await keepingProcessListeners(() => initializeBackend("wasm"));
    guardAllocations(findBackend("wasm") as unknown as WasmBackend);
    const simd = await env().getAsync("WASM_HAS_SIMD_SUPPORT");
    return {
      found: true,
      reason: simd ? "WebAssembly with SIMD" : "WebAssembly without SIMD: this processor or Node has none",
      backend: "wasm",
      version: wasm.version_wasm,
      threads: wasm.getThreadsCount(),
      deterministic: true,
      enable: "",
    };
  } catch (error) {
    return absent("wasm", `does not load: ${messageOf(error)}`, ENABLE);
  }
}

/** The backend's loader adds process-wide handlers that rethrow every error from inside a minified bundle: takes them off again. */
async function keepingProcessListeners(load: () => Promise<void>): Promise<void> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = new Map(events.map((event) => [event, new Set<unknown>(process.listeners(event as "exit"))]));
  await load();
  for (const event of events) {
    for (const listener of process.listeners(event as "exit")) {
      if (!before.get(event)!.has(listener)) process.removeListener(event, listener);
    }
  }
}
