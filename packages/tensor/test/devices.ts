import { type DeviceName, probeDevices } from "@codex/tensor";

/**
 * The devices that the suites run on: cpu, wasm, and TensorFlow where there is one. `CODEX_TEST_TENSORFLOW` names a project whose
 * `@tensorflow/tfjs-node` works.
 */
export const projectDirectory = process.env["CODEX_TEST_TENSORFLOW"] ?? process.cwd();

const reports = await probeDevices({ projectDirectory });

export const presentDevices: readonly DeviceName[] = reports.filter(({ found }) => found).map(({ device }) => device);
