import * as tf from "@tensorflow/tfjs-core";

/** `[B, T, heads * D]` to `[B, heads, T, D]`. */
export function splitHeads(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, seq, width] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, seq, heads, width / heads]), [0, 2, 1, 3]) as tf.Tensor4D;
}

/** `[B, heads, T, D]` to `[B, T, heads * D]`. */
export function mergeHeads(x: tf.Tensor): tf.Tensor3D {
  const [batch, heads, seq, headDim] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, seq, heads * headDim]);
}
