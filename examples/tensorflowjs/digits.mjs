/**
 * A small convolutional classifier of handwritten digits with tf.layers: 1,797 images of 8 x 8 (UCI ML, E. Alpaydin 1998), enlarged to 28 x 28.
 * usage: node digits.mjs [engine|tensorflow|wasm|cpu] [epochs] [folder with tfjs-node]
 * Prints one line per epoch, and as the last line JSON: losses, held-out accuracy, milliseconds per batch (median).
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import tf from "@tensorflow/tfjs";
import { useBackend } from "./backend.mjs";

const [backend, epochs = "2", project] = process.argv.slice(2);
await useBackend(backend, project);

const bytes = gunzipSync(readFileSync(new URL("data/digits.bin.gz", import.meta.url)));
const count = bytes.length / 65;
const pixels = Float32Array.from({ length: count * 64 }, (_, i) => bytes[Math.floor(i / 64) * 65 + (i % 64)] / 16);
const labels = Int32Array.from({ length: count }, (_, i) => bytes[i * 65 + 64]);
const images = tf.tidy(() => tf.image.resizeBilinear(tf.tensor4d(pixels, [count, 8, 8, 1]), [28, 28]));
const targets = tf.tidy(() => tf.oneHot(tf.tensor1d(labels, "int32"), 10).toFloat());
const split = 1536;

const seed = (n) => tf.initializers.glorotUniform({ seed: n });
const model = tf.sequential({
  layers: [
    tf.layers.conv2d({
      inputShape: [28, 28, 1],
      filters: 32,
      kernelSize: 3,
      activation: "relu",
      kernelInitializer: seed(1),
    }),
    tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: "relu", kernelInitializer: seed(2) }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 128, activation: "relu", kernelInitializer: seed(3) }),
    tf.layers.dense({ units: 10, activation: "softmax", kernelInitializer: seed(4) }),
  ],
});
model.compile({ optimizer: tf.train.adam(1e-3), loss: "categoricalCrossentropy", metrics: ["accuracy"] });

const losses = [];
const batchTimesMs = [];
let started = 0;
await model.fit(images.slice(0, split), targets.slice(0, split), {
  batchSize: 64,
  epochs: Number(epochs),
  shuffle: false,
  verbose: 0,
  yieldEvery: "never",
  callbacks: {
    onBatchBegin() {
      started = performance.now();
    },
    onBatchEnd(_batch, logs) {
      batchTimesMs.push(performance.now() - started);
      losses.push(logs.loss);
    },
    onEpochEnd(epoch, logs) {
      console.log(`epoch ${epoch + 1}: loss ${logs.loss.toFixed(4)}, accuracy ${logs.acc.toFixed(3)}`);
    },
  },
});
const [loss, accuracy] = model
  .evaluate(images.slice(split), targets.slice(split), { batchSize: 64 })
  .map((t) => t.dataSync()[0]);
batchTimesMs.sort((a, b) => a - b);
const medianBatchTimeMs = batchTimesMs[batchTimesMs.length >> 1];
console.log(JSON.stringify({ backend: tf.getBackend(), losses, heldOut: { loss, accuracy }, medianBatchTimeMs }));
