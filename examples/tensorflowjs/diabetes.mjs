/**
 * A dense regression with the plain TensorFlow.js API (variables, tf.variableGrads, an optimizer): progression of diabetes from ten measurements of
 * 442 patients (Efron et al. 2004).
 * usage: node diabetes.mjs [engine|tensorflow|wasm|cpu] [steps] [folder with tfjs-node]
 * Prints the loss now and then, and as the last line JSON: losses of all steps, milliseconds per step (median).
 */
import { readFileSync } from "node:fs";
import tf from "@tensorflow/tfjs";
import { useBackend } from "./backend.mjs";

const [backend, steps = "200", project] = process.argv.slice(2);
await useBackend(backend, project);

const rows = readFileSync(new URL("data/diabetes.csv", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .slice(1);
const table = tf.tensor2d(rows.map((row) => row.split(",").map(Number)));
const { mean, variance } = tf.moments(table, 0);
const normalized = tf.div(tf.sub(table, mean), tf.sqrt(variance));
const [features, target] = tf.split(normalized, [10, 1], 1);

const layer = (from, to, n) => ({
  weight: tf.variable(tf.randomNormal([from, to], 0, Math.sqrt(2 / from), "float32", n)),
  bias: tf.variable(tf.zeros([to])),
});
const layers = [layer(10, 64, 1), layer(64, 64, 2), layer(64, 1, 3)];
const predict = (x) =>
  layers.reduce((h, { weight, bias }, i) => {
    const y = tf.add(tf.matMul(h, weight), bias);
    return i < layers.length - 1 ? tf.tanh(y) : y;
  }, x);

const optimizer = tf.train.adam(3e-3);
const losses = [];
const stepTimesMs = [];
for (let step = 1; step <= Number(steps); step++) {
  const started = performance.now();
  const loss = optimizer.minimize(() => tf.losses.meanSquaredError(target, predict(features)), true);
  losses.push((await loss.data())[0]);
  loss.dispose();
  stepTimesMs.push(performance.now() - started);
  if (step % 50 === 0) console.log(`step ${step}: mean squared error ${losses.at(-1).toFixed(4)}`);
}
stepTimesMs.sort((a, b) => a - b);
console.log(
  JSON.stringify({ backend: tf.getBackend(), losses, medianStepTimeMs: stepTimesMs[stepTimesMs.length >> 1] }),
);
