/**
 * Times one product on the engine: forward (x W), the gradient of x (dy W^T), the gradient of W (x^T dy).
 * usage: codex-matmul.mjs M K N
 */
import { register } from "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";

const [m, k, n] = process.argv.slice(2).map(Number);
await register();
await tf.setBackend("engine");
const backend = tf.backend();
const x = tf.randomUniform([m, k], -1, 1);
const w = tf.randomUniform([k, n], -1, 1);
const dy = tf.randomUniform([m, n], -1, 1);
const products = {
  forward: () => tf.matMul(x, w),
  "input gradient": () => tf.matMul(dy, w, false, true),
  "weight gradient": () => tf.matMul(x, dy, true, false),
};
const repetitions = Math.max(5, Math.min(60, Math.ceil(4e11 / (2 * m * k * n))));
const timesMs = {};
for (const [kind, product] of Object.entries(products)) {
  timesMs[kind] = [];
  for (let i = -2; i < repetitions; i += 1) {
    backend.sync();
    const started = performance.now();
    product().dispose();
    backend.sync();
    if (i >= 0) timesMs[kind].push(performance.now() - started);
  }
}
console.log(JSON.stringify({ timesMs }));
