/** The one line that differs between backends: which package is imported. The programs next to this file know nothing of it. */
import { createRequire } from "node:module";
import { join } from "node:path";
import tf from "@tensorflow/tfjs";

const BACKENDS = {
  engine: () => import("@codex/engine"),
  wasm: () => import("@tensorflow/tfjs-backend-wasm"),
  /** Where `codex doctor --setup-tensorflow` was run, or @tensorflow/tfjs-node is installed. */
  tensorflow: (project) => createRequire(join(project, "package.json"))("@tensorflow/tfjs-node"),
  cpu: () => {},
};

export async function useBackend(name = "engine", project = process.cwd()) {
  if (!(name in BACKENDS)) throw new Error(`expected one of ${Object.keys(BACKENDS).join(", ")}, got ${name}`);
  await BACKENDS[name](project);
  if (!(await tf.setBackend(name))) throw new Error(`${name} does not start`);
  await tf.ready();
}
