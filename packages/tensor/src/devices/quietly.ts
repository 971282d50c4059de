import { env } from "@tensorflow/tfjs-core";

/**
 * Loads a backend without TensorFlow.js's advice on the console. A second copy of a package in the process (tfjs-node brings its
 * own cpu backend) says so once per kernel, and the registries are global, so that nothing is wrong with it.
 */
export async function quietly<Module>(load: () => Promise<Module>): Promise<Module> {
  const before = env().getBool("PROD");
  env().set("PROD", true);
  try {
    return await load();
  } finally {
    env().set("PROD", before);
  }
}
