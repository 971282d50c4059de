import type { TensorErrorCode } from "../errors.ts";

export type DeviceName = "engine" | "tensorflow" | "wasm" | "cpu";

/** What looking for a device found. */
export interface DeviceStatus {
  readonly found: boolean;
  /** Why it was found or not, in one sentence. */
  readonly reason: string;
  /** TensorFlow.js backend name. */
  readonly backend: string;
  /** Of the package and, where it brings one, of the library below it. Empty if not found. */
  readonly version: string;
  /** Threads that a kernel may use; 0 if not found. */
  readonly threads: number;
  /** Whether a step that runs again gives the same bits. */
  readonly deterministic: boolean;
  /** What to do to have it. */
  readonly enable: string;
  /** Code of the error when it is asked for by name and not found; default `TENSOR_DEVICE_ABSENT`. */
  readonly code?: TensorErrorCode;
}

export interface DeviceReport extends DeviceStatus {
  readonly device: DeviceName;
}

export interface DeviceSelection {
  readonly device: DeviceName;
  readonly backend: string;
  readonly reason: string;
  readonly version: string;
  readonly threads: number;
  readonly deterministic: boolean;
}

export interface Device {
  readonly name: DeviceName;
  /** Loads the backend and registers it with TensorFlow.js. Never throws: a load that fails is a reason. */
  load(projectDirectory: string): Promise<DeviceStatus>;
}

export function absent(backend: string, reason: string, enable: string, code?: TensorErrorCode): DeviceStatus {
  const status = { found: false, reason, backend, version: "", threads: 0, deterministic: false, enable };
  return code === undefined ? status : { ...status, code };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
}
