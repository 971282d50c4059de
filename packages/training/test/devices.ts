import { type DeviceName, type DeviceSelection, selectDevice as select } from "@codex/tensor";

/** A project whose `@tensorflow/tfjs-node` works. */
export const tensorflowProject = process.env["CODEX_TEST_TENSORFLOW"];

/** The devices that parity is shown on: cpu, wasm, and TensorFlow where a person has set one up. */
export const devices: readonly DeviceName[] = [
  "cpu",
  "wasm",
  ...(tensorflowProject === undefined ? [] : (["tensorflow"] as const)),
];

export function selectDevice(device: DeviceName): Promise<DeviceSelection> {
  return select(device, tensorflowProject === undefined ? {} : { projectDirectory: tensorflowProject });
}
