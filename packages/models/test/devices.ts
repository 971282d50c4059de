import { type DeviceName, selectDevice } from "@codex/tensor";

/** The devices that the suite runs on; real TensorFlow when a person has set one up. */
export const devices: readonly DeviceName[] = [
  "cpu",
  "wasm",
  ...(process.env["CODEX_TEST_TENSORFLOW"] === undefined ? [] : (["tensorflow"] as const)),
];

export { selectDevice };
