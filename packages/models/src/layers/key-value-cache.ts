import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.ts";

/**
 * Keys and values of the positions seen so far, per layer, each `[batch, kvHeads, length, headDim]`.
 * It owns its tensors: `dispose` frees them.
 */
export interface KeyValueCache {
  /** Positions held by every layer. */
  readonly length: number;
  readonly maxLength: number;
  /** Adds the new positions of a layer and returns all of its positions. The result stays the cache's. @throws {ModelError} `MODEL_CACHE_FULL` */
  append(
    layer: number,
    keys: tf.Tensor4D,
    values: tf.Tensor4D,
  ): { readonly keys: tf.Tensor4D; readonly values: tf.Tensor4D };
  /** Ends a forward pass: all layers have been given `count` positions more. */
  advance(count: number): void;
  dispose(): void;
}

/** An empty cache for up to `maxLength` positions. */
export function createKeyValueCache(maxLength: number): KeyValueCache {
  let length = 0;
  const layers: { keys: tf.Tensor4D; values: tf.Tensor4D }[] = [];
  const grow = (held: tf.Tensor4D | undefined, added: tf.Tensor4D): tf.Tensor4D => {
    if (held === undefined) return tf.keep(tf.clone(added));
    const grown = tf.keep(tf.concat([held, added], 2));
    held.dispose();
    return grown;
  };
  return {
    get length() {
      return length;
    },
    maxLength,
    append(layer, keys, values) {
      const wanted = length + keys.shape[2];
      if (wanted > maxLength) {
        throw new ModelError(
          "MODEL_CACHE_FULL",
          `key/value cache: made for ${maxLength} positions, asked to hold ${wanted}`,
        );
      }
      const held = layers[layer];
      const grown = { keys: grow(held?.keys, keys), values: grow(held?.values, values) };
      layers[layer] = grown;
      return grown;
    },
    advance(count) {
      length += count;
    },
    dispose() {
      for (const { keys, values } of layers.splice(0)) tf.dispose([keys, values]);
      length = 0;
    },
  };
}
