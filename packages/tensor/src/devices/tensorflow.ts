import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";
import { engine, findBackend } from "@tensorflow/tfjs-core";
import { registerGradients } from "../gradients/register.ts";
import { absent, type Device, type DeviceStatus, messageOf } from "./device.ts";
import { initializeBackend } from "./initialize-backend.ts";
import { quietly } from "./quietly.ts";

const GPU_PACKAGE = "@tensorflow/tfjs-node-gpu";
/** The one with CUDA first: who has installed it wants it. */
const PACKAGES = [GPU_PACKAGE, "@tensorflow/tfjs-node"];
const ENABLE =
  "Run `codex doctor --setup-tensorflow` (or `npm install @tensorflow/tfjs-node@4.22.0`, where its own installer still works).";

let loaded: DeviceStatus | undefined;

/** TensorFlow's C library under `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`, whichever the user's project has. */
export const tensorflowDevice: Device = {
  name: "tensorflow",
  async load(projectDirectory) {
    if (loaded !== undefined) return loaded; // a native addon loads once per process
    const failures: string[] = [];
    for (const name of PACKAGES) {
      const path = resolveFrom(projectDirectory, name);
      if (path === undefined) continue;
      try {
        const status = await loadPackage(name, path);
        loaded = { ...status, reason: [status.reason, ...failures].join("; ") };
        return loaded;
      } catch (error) {
        failures.push(`${name} is installed but does not load: ${messageOf(error)}`);
      }
    }
    const reason = failures.length > 0 ? failures.join("; ") : `${PACKAGES.join(" and ")} are not installed`;
    return absent("tensorflow", reason, ENABLE);
  },
};

interface TensorflowModule {
  readonly version?: Readonly<Record<string, string>>;
}

interface TensorflowBackend {
  readonly binding?: { readonly TF_Version?: string };
  readonly isUsingGpuDevice?: boolean;
}

async function loadPackage(name: string, path: string): Promise<DeviceStatus> {
  restoreRemovedUtilities();
  const before = engine().backendName as string | undefined | null; // importing the package makes its backend current
  const module = (await quietly(() => import(pathToFileURL(path).href))) as TensorflowModule & {
    default?: TensorflowModule;
  };
  registerGradients(); // the package brings those of @tensorflow/tfjs
  if (before != null) engine().backendName = before;
  await initializeBackend("tensorflow");
  const { binding, isUsingGpuDevice } = (findBackend("tensorflow") ?? {}) as TensorflowBackend;
  const version = (module.version ?? module.default?.version)?.["tfjs-node"] ?? "4.22.0";
  const threads = Number(process.env["TF_NUM_INTRAOP_THREADS"]) || availableParallelism();
  const place = isUsingGpuDevice ? "on a GPU" : "on the processor";
  return {
    found: true,
    reason: `${name} ${place}${name === GPU_PACKAGE && !isUsingGpuDevice ? ": it finds no GPU that it can use" : ""}`,
    backend: "tensorflow",
    version: binding?.TF_Version ? `${version} (TensorFlow ${binding.TF_Version})` : version,
    threads,
    // TensorFlow splits sums over threads in an order that it does not promise.
    deterministic: threads === 1 && !isUsingGpuDevice,
    enable: "",
  };
}

/** The user's project first, then the place where this package is installed. */
export function resolveFrom(projectDirectory: string, name: string): string | undefined {
  for (const from of [pathToFileURL(join(projectDirectory, "package.json")).href, import.meta.url]) {
    try {
      return createRequire(from).resolve(name);
    } catch {
      // not installed there
    }
  }
  return undefined;
}

/** tfjs-node 4.22 calls two functions that Node 23 removed. */
function restoreRemovedUtilities(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy["isNullOrUndefined"] ??= (value: unknown) => value === null || value === undefined;
  legacy["isArray"] ??= Array.isArray;
}
