import * as tf from "@tensorflow/tfjs-core";

/** Normally distributed numbers that depend on the seed alone. */
export function normal(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, "float32", seed);
}
