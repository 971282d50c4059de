import { cacheAppend, linear } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.ts";
import type { PassLinearOptions } from "./causal-language-model.ts";

/** What a model remembers of the positions it has seen, so that the next one costs one position and not all. */
export interface KeyValueCache {
  /** Positions held. */
  readonly length: number;
  readonly maxLength: number;
  /** Frees everything that the cache holds. */
  dispose(): void;
}

/**
 * The cache as the layers of a decoder use it. Keys and values per layer, each `[batch, kvHeads, maxLength, headDim]`: there is room for
 * all positions from the first one on, so that a device may write the new ones where they belong.
 */
export interface DecoderCache extends KeyValueCache {
  /**
   * Adds the new positions of a layer and returns all of its positions, and the room behind them. The result stays the cache's.
   * @throws {ModelError} `MODEL_CACHE_FULL`
   */
  append(
    layer: number,
    keys: tf.Tensor4D,
    values: tf.Tensor4D,
  ): { readonly keys: tf.Tensor4D; readonly values: tf.Tensor4D };
  /** Ends a forward pass: all layers have been given `count` positions more. */
  advance(count: number): void;
  /** `linear` of `@codex/tensor` with weights that do not change while the cache lives. @param weight - `[out, in]` */
  linear(x: tf.Tensor, weight: tf.Tensor2D, bias?: tf.Tensor1D, options?: PassLinearOptions): tf.Tensor;
}

/** An empty cache for up to `maxLength` positions. */
export function createDecoderCache(maxLength: number): DecoderCache {
  let length = 0;
  const layers: { keys: tf.Tensor4D; values: tf.Tensor4D }[] = [];
  const transposed = new Map<tf.Tensor, tf.Tensor2D>();
  const append = (held: tf.Tensor4D | undefined, fresh: tf.Tensor4D): tf.Tensor4D => {
    const [batch, heads, , headDim] = fresh.shape;
    const room = held ?? tf.zeros([batch, heads, maxLength, headDim]);
    const filled = tf.keep(cacheAppend(room, fresh, length));
    room.dispose();
    return filled;
  };
  const transposedOnce = (weight: tf.Tensor2D): tf.Tensor2D => {
    const known = transposed.get(weight) ?? tf.keep(transposeOnHost(weight));
    transposed.set(weight, known);
    return known;
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
      const filled = { keys: append(held?.keys, keys), values: append(held?.values, values) };
      layers[layer] = filled;
      return filled;
    },
    advance(count) {
      length += count;
    },
    linear(x, weight, bias, options) {
      // The wasm backend packs an untransposed right operand once per tensor: one row by [8192, 256] takes 0.14 ms instead of 0.78.
      if (tf.getBackend() !== "wasm") return linear(x, weight, bias, options);
      return linear(x, transposedOnce(weight), bias, { ...options, weightLayout: "inOut" });
    },
    dispose() {
      for (const { keys, values } of layers.splice(0)) tf.dispose([keys, values]);
      tf.dispose([...transposed.values()]);
      transposed.clear();
      length = 0;
    },
  };
}

/** In squares that fit into the first cache; the wasm backend's own kernel walks one operand column by column and takes twice as long. */
function transposeOnHost(weight: tf.Tensor2D): tf.Tensor2D {
  const [rows, columns] = weight.shape;
  const from = weight.dataSync();
  const to = new Float32Array(from.length);
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) to[column * rows + row] = from[row * columns + column]!;
      }
    }
  }
  return tf.tensor2d(to, [columns, rows]);
}
