/**
 * The neural probabilistic language model of Bengio et al. (2003), "A Neural Probabilistic Language Model", section 2:
 * the embeddings of the last n tokens, one after the other, go through a tanh layer and a softmax over the vocabulary.
 * Without their optional direct connections from the embeddings to the output.
 *
 * B batch, T sequence, V vocabulary, N window, E embeddingSize, C hiddenSize.
 */
import { createParameters, type LanguageModel, type ModelConfig, type ParameterSpec } from "@codex/models";
import { createStream } from "@codex/random";
import { embedding, linear, linearCrossEntropy } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";

export interface NeuralNgramConfig extends ModelConfig {
  readonly modelType: "neural-ngram";
  /** Tokens that a prediction looks at. */
  readonly window: number;
  readonly embeddingSize: number;
  readonly hiddenSize: number;
}

/** A model with random weights, the same for the same seed. The caller disposes it. */
export function createNeuralNgram(config: NeuralNgramConfig, seed: number): LanguageModel<NeuralNgramConfig> {
  const parameters = createParameters(parameterSpecs(config), createStream(seed, "init"));
  const weight = (name: string) => parameters.get(name)!.variable;
  const table = weight("embed_tokens.weight") as tf.Tensor2D;
  const hidden = weight("hidden.weight") as tf.Tensor2D;
  const bias = weight("hidden.bias") as tf.Tensor1D;
  const head = weight("lm_head.weight") as tf.Tensor2D;

  /** `[B, T]` to `[B, T, C]` */
  const states = (inputIds: tf.Tensor2D, documentIds: tf.Tensor2D | undefined): tf.Tensor => {
    const embedded = embedding(table, inputIds) as tf.Tensor3D; // [B, T, E]
    const seen = Array.from({ length: config.window }, (_, ago) => lookBack(embedded, documentIds, ago));
    return tf.tanh(linear(tf.concat(seen, 2), hidden, bias));
  };

  return {
    family: config.modelType,
    config,
    parameters: () => parameters,
    loss: ({ inputIds, labels, documentIds }) =>
      tf.tidy(() => {
        const rows = tf.reshape<tf.Rank.R2>(states(inputIds, documentIds), [labels.size, config.hiddenSize]);
        return linearCrossEntropy(rows, head, tf.reshape(labels, [labels.size]));
      }),
    logits: (inputIds, { documentIds, lastOnly = false } = {}) =>
      tf.tidy(() => {
        const [batch, seq] = inputIds.shape;
        const all = states(inputIds, documentIds);
        return linear(lastOnly ? tf.slice(all, [0, seq - 1, 0], [batch, 1, -1]) : all, head) as tf.Tensor3D;
      }),
    configJson: () => ({
      model_type: config.modelType,
      vocab_size: config.vocabSize,
      max_position_embeddings: config.maxPositionEmbeddings,
      window: config.window,
      embedding_size: config.embeddingSize,
      hidden_size: config.hiddenSize,
    }),
    dispose() {
      for (const { variable } of parameters.values()) variable.dispose();
    },
  };
}

function parameterSpecs({ vocabSize, window, embeddingSize, hiddenSize }: NeuralNgramConfig): ParameterSpec[] {
  // Variance of one over the number of inputs keeps the scale of what goes through (Glorot and Bengio 2010).
  const normal = (inputs: number) => ({ kind: "normal", std: 1 / Math.sqrt(inputs) }) as const;
  return [
    { name: "embed_tokens.weight", shape: [vocabSize, embeddingSize], init: { kind: "normal", std: 1 } },
    { name: "hidden.weight", shape: [hiddenSize, window * embeddingSize], init: normal(window * embeddingSize) },
    { name: "hidden.bias", shape: [hiddenSize], init: { kind: "zeros" } },
    { name: "lm_head.weight", shape: [vocabSize, hiddenSize], init: normal(hiddenSize) },
  ];
}

/** The embeddings of `ago` tokens earlier, `[B, T, E]`: zeros before the start of the row and of the document. */
function lookBack(embedded: tf.Tensor3D, documentIds: tf.Tensor2D | undefined, ago: number): tf.Tensor3D {
  const [batch, seq, width] = embedded.shape;
  if (ago === 0) return embedded;
  if (ago >= seq) return tf.zerosLike(embedded);
  const kept = tf.slice(embedded, [0, 0, 0], [batch, seq - ago, width]);
  if (documentIds === undefined) return shift(kept, ago);
  const earlier = tf.slice(documentIds, [0, 0], [batch, seq - ago]);
  const later = tf.slice(documentIds, [0, ago], [batch, seq - ago]);
  const same = tf.cast(tf.equal(earlier, later), "float32");
  return shift(tf.mul(kept, tf.expandDims(same, 2)) as tf.Tensor3D, ago);
}

function shift(x: tf.Tensor3D, by: number): tf.Tensor3D {
  return tf.pad(x, [
    [0, 0],
    [by, 0],
    [0, 0],
  ]) as tf.Tensor3D;
}
