import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const packageDirectory = fileURLToPath(new URL("..", import.meta.url));
const typescript = fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url));

/** Runs a module with plain Node, without Jest's module registry. */
function runModule(source: string): Promise<{ stdout: string; stderr: string }> {
  const flags = ["--conditions=@codex/source", `--import=${typescript}`, "--input-type=module", "--eval", source];
  return promisify(execFile)(process.execPath, flags, {
    cwd: packageDirectory,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
}

test("user code, this package and the wasm backend share one TensorFlow.js core, and nothing is written to the console", async () => {
  const { stdout, stderr } = await runModule(`
    import * as tf from "@tensorflow/tfjs-core";
    import { gelu, selectDevice } from "@codex/tensor";
    const listeners = ["uncaughtException", "unhandledRejection"].map((event) => process.listenerCount(event));
    await selectDevice("cpu");
    gelu(tf.tensor([1]), { approximate: "none" });
    await selectDevice("wasm");
    const y = tf.valueAndGrad((x) => tf.sum(tf.square(gelu(x, { approximate: "none" }))))(tf.tensor([0, 1]));
    const sameListeners = ["uncaughtException", "unhandledRejection"].map((event) => process.listenerCount(event));
    console.log(JSON.stringify({
      instance: y.grad instanceof tf.Tensor,
      value: y.value.dataSync()[0].toFixed(5),
      listeners: listeners.join() === sameListeners.join(),
    }));
  `);
  expect(JSON.parse(stdout)).toEqual({ instance: true, value: "0.70786", listeners: true });
  expect(stderr).toBe("");
});
