/** Chooses the backend. The programs next to this file are plain TensorFlow.js and know nothing of it. */
import { selectDevice } from "@codex/tensor";
import "@tensorflow/tfjs"; // the gradients of every op

/** @param projectDirectory where `codex doctor --setup-tensorflow` was run, or @tensorflow/tfjs-node is installed, for `tensorflow` */
export async function useBackend(name = "auto", projectDirectory = process.cwd()) {
  await selectDevice(name, { projectDirectory });
}
