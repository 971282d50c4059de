import { ready, setBackend } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { cpuDevice } from "./cpu.ts";
import type { Device, DeviceName, DeviceReport, DeviceSelection } from "./device.ts";
import { engineDevice } from "./engine.ts";
import { tensorflowDevice } from "./tensorflow.ts";
import { wasmDevice } from "./wasm.ts";

export interface DeviceOptions {
  /** Where to look for installed engines before this package's own place. Default: the working directory. */
  readonly projectDirectory?: string;
}

/** The order in which `auto` tries them, fastest first. */
const DEVICES: readonly Device[] = [engineDevice, tensorflowDevice, wasmDevice, cpuDevice];

/**
 * Makes a device TensorFlow.js's current backend.
 *
 * `auto` takes the first that loads, in the order engine, tensorflow, wasm, cpu, and says in `reason` why the ones before it were
 * passed over. A device that was asked for by name is never replaced by another.
 *
 * @throws {TensorError} `TENSOR_DEVICE_ABSENT`, `TENSOR_OP_SET_MISMATCH`
 */
export async function selectDevice(name: DeviceName | "auto", options: DeviceOptions = {}): Promise<DeviceSelection> {
  const { projectDirectory = process.cwd() } = options;
  const candidates = DEVICES.filter((device) => name === "auto" || device.name === name);
  const passedOver: string[] = [];
  for (const device of candidates) {
    const { found, reason, enable, code, ...status } = await device.load(projectDirectory);
    if (found) {
      await setBackend(status.backend);
      await ready();
      const why = name === "auto" ? ["first that loads", ...passedOver].join("; ") : "asked for by name";
      const { backend, version, threads, deterministic } = status;
      return { device: device.name, backend, reason: `${reason} (${why})`, version, threads, deterministic };
    }
    if (name !== "auto") {
      throw new TensorError(code ?? "TENSOR_DEVICE_ABSENT", `device ${name}: ${reason}`, { help: enable });
    }
    passedOver.push(`${device.name}: ${reason}`);
  }
  const known = DEVICES.map((device) => device.name).join(", ");
  throw new TensorError("TENSOR_DEVICE_ABSENT", `device: expected auto or one of ${known}, got ${String(name)}`);
}

/**
 * Looks for every device, in the order of `auto`. Loads what it finds; the current backend stays current, if there is one.
 */
export async function probeDevices(options: DeviceOptions = {}): Promise<DeviceReport[]> {
  const { projectDirectory = process.cwd() } = options;
  const reports: DeviceReport[] = [];
  for (const device of DEVICES) reports.push({ device: device.name, ...(await device.load(projectDirectory)) });
  return reports;
}
