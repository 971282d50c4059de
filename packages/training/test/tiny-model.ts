/**
 * A small real language model of ops of `@codex/tensor`: embedding, linear, GELU, dropout, tied-free head. It sees one token
 * at a time, so that it learns a bigram table through a bottleneck.
 */
import { createStream } from "@codex/random";
import { dropout, embedding, gelu, linear, linearCrossEntropy } from "@codex/tensor";
import type { HostBatch, LossContext, Parameter, TrainableModel, TrainingBatch } from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";

export interface TinyModelOptions {
  readonly vocabSize?: number;
  readonly width?: number;
  readonly seed?: number;
  readonly dropoutRate?: number;
}

export interface TinyModel extends TrainableModel {
  dispose(): void;
}

export function createTinyModel(options: TinyModelOptions = {}): TinyModel {
  const { vocabSize = 17, width = 8, seed = 1, dropoutRate = 0 } = options;
  const shapes: Record<string, number[]> = {
    "embed.weight": [vocabSize, width],
    "up.weight": [2 * width, width],
    "up.bias": [2 * width],
    "head.weight": [vocabSize, 2 * width],
  };
  const parameters = new Map<string, Parameter>();
  for (const [name, shape] of Object.entries(shapes)) {
    const values = createStream(seed, "init")
      .substream(name)
      .fillNormal(new Float32Array(tf.util.sizeFromShape(shape)));
    const variable = tf.tidy(() =>
      tf.variable(
        tf.tensor(
          values.map((value) => 0.3 * value),
          shape,
        ),
      ),
    );
    parameters.set(name, { name, variable, trainable: true });
  }
  const weight = (name: string) => parameters.get(name)!.variable as unknown as tf.Tensor2D;
  const bias = (name: string) => parameters.get(name)!.variable as unknown as tf.Tensor1D;
  return {
    config: { vocabSize },
    parameters: () => parameters,
    loss({ inputIds, labels }: TrainingBatch, { training, dropoutKey }: LossContext) {
      const hidden = gelu(linear(embedding(weight("embed.weight"), inputIds), weight("up.weight"), bias("up.bias")), {
        approximate: "tanh",
      });
      const dropped =
        training && dropoutKey && dropoutRate > 0
          ? dropout(hidden, { rate: dropoutRate, key: dropoutKey, offset: 0 })
          : hidden;
      return linearCrossEntropy(tf.reshape(dropped, [-1, 2 * width]), weight("head.weight"), tf.reshape(labels, [-1]));
    },
    dispose() {
      for (const { variable } of parameters.values()) variable.dispose();
    },
  };
}

export interface TinyDataOptions {
  readonly samples?: number;
  readonly length?: number;
  readonly vocabSize?: number;
  readonly seed?: number;
}

/** Rows in which the next id follows from the last, with some labels left out, more in some rows than in others. */
export function tinyBatch(
  sampleIds: readonly number[],
  { length = 6, vocabSize = 17 }: TinyDataOptions = {},
): HostBatch {
  const inputIds = new Int32Array(sampleIds.length * length);
  const labels = new Int32Array(sampleIds.length * length);
  sampleIds.forEach((sample, row) => {
    for (let t = 0; t < length; t++) {
      const id = (3 * sample + 5 * t) % vocabSize;
      inputIds[row * length + t] = id;
      labels[row * length + t] = (sample + t) % (2 + (sample % 3)) === 0 ? -100 : (id + 5) % vocabSize;
    }
  });
  return { rows: sampleIds.length, sequenceLength: length, inputIds, labels, sampleIds };
}

/** A data source whose order is a function of seed and epoch. */
export function tinySource({ samples = 10, seed = 1, ...options }: TinyDataOptions = {}) {
  const orderOf = (epoch: number): number[] => {
    const keys = createStream(seed, "data").substream(`epoch ${epoch}`);
    return [...Array(samples).keys()].sort((a, b) => keys.uint32At(a) - keys.uint32At(b));
  };
  return {
    samplesPerEpoch: samples,
    batch: (epoch: number, index: number, rows: number) =>
      tinyBatch(orderOf(epoch).slice(index, index + rows), options),
  };
}

export function tinyEvaluation(samples = 7, bytesPerTarget?: number) {
  return {
    *batches(rows: number): Generator<HostBatch> {
      for (let first = 0; first < samples; first += rows) {
        const ids = [...Array(Math.min(rows, samples - first)).keys()].map((index) => 100 + first + index);
        const batch = tinyBatch(ids);
        const targets = batch.labels.filter((label) => label !== -100).length;
        yield bytesPerTarget === undefined ? batch : { ...batch, byteCount: targets * bytesPerTarget };
      }
    },
  };
}
