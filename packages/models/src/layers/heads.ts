import * as tf from "@tensorflow/tfjs-core";

/** `[B, T, heads * D]` to `[B, T, heads, D]`. */
export function splitHeads(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, seq, width] = x.shape as [number, number, number];
  return tf.reshape(x, [batch, seq, heads, width / heads]);
}

/** `[B, T, heads, D]` to `[B, T, heads * D]`. */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, seq, heads, headDim] = x.shape;
  return tf.reshape(x, [batch, seq, heads * headDim]);
}

/** `[B, T, heads, D]` to `[B, heads, T, D]`, as a cache holds keys and values, or back. */
export function swapHeadsAndTime(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, first, second, headDim] = x.shape;
  if (first === 1 || second === 1) return tf.reshape(x, [batch, second, first, headDim]); // one position: nothing moves
  return tf.transpose(x, [0, 2, 1, 3]);
}
