import { findBackend } from "@tensorflow/tfjs-core";
import { registerHostKernels } from "../kernels/register.ts";
import type { Device, DeviceStatus } from "./device.ts";
import { quietly } from "./quietly.ts";

let status: Promise<DeviceStatus> | undefined;

/** Plain JavaScript: always there, and slow. */
export const cpuDevice: Device = {
  name: "cpu",
  load() {
    status ??= loadCpu();
    return status;
  },
};

async function loadCpu(): Promise<DeviceStatus> {
  const { version_cpu } = await quietly(() => import("@tensorflow/tfjs-backend-cpu"));
  registerHostKernels("cpu");
  const backend = findBackend("cpu") as unknown as { firstUse: boolean };
  backend.firstUse = false; // no advice on the console: `reason` tells of the other devices
  return {
    found: true,
    reason: "plain JavaScript, always there",
    backend: "cpu",
    version: version_cpu,
    threads: 1,
    deterministic: true,
    enable: "",
  };
}
