import { type DeviceName, type DeviceSelection, probeDevices, selectDevice as select } from "@codex/tensor";

/** A project whose `@tensorflow/tfjs-node` works. */
export const tensorflowProject = process.env["CODEX_TEST_TENSORFLOW"];

const projectDirectory = tensorflowProject ?? process.cwd();
const reports = await probeDevices({ projectDirectory });

/** The devices that parity is shown on: cpu, wasm, the engine where it is built, and TensorFlow where a person has set one up. */
export const devices: readonly DeviceName[] = reports.filter(({ found }) => found).map(({ device }) => device);

export function selectDevice(device: DeviceName): Promise<DeviceSelection> {
  return select(device, { projectDirectory });
}
