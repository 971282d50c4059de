/** Runs the device suites on TensorFlow's own kernels as well: sets `@tensorflow/tfjs-node` up from a wheel, out of the way of the workspace. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { childEnvironment, passThrough, repository, run, SetupError, setup } from "./setup.mjs";

await run(async () => {
  await setup();
  const directory = join(repository, ".cache", "tensorflow");
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, "package.json"),
    `${JSON.stringify({ name: "tensorflow-for-tests", private: true })}\n`,
  );
  const { setupTensorflow } = await import("../packages/tensor/dist/setup-tensorflow.js");
  const result = await setupTensorflow({ directory, onProgress: (line) => console.error(`  ${line}`) }).catch(
    (error) => {
      throw new SetupError(`${error.message} ${error.help ?? ""}`);
    },
  );
  console.error(`  ${result.summary}`);
  const jest = join(repository, "node_modules", "jest", "bin", "jest.js");
  const suites = ["packages/tensor", "packages/models", "packages/training"];
  return await passThrough(
    process.execPath,
    ["--experimental-vm-modules", "--no-warnings", jest, "-t", "tensorflow", ...suites],
    {
      env: { ...childEnvironment(), CODEX_TEST_TENSORFLOW: directory, TF_CPP_MIN_LOG_LEVEL: "2" },
    },
  );
});
