/** What every decoder shares once its hidden states are known: the head, the loss, the cache, and the checks of a forward pass. */
import {
  type AttentionMaskOptions,
  attention,
  type LinearOptions,
  linear,
  linearCrossEntropy,
  selfAttention,
} from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.ts";
import type { LanguageModel, LogitsOptions, ModelConfig } from "../language-model.ts";
import { createDecoderCache, type DecoderCache } from "./decoder-cache.ts";
import { createDropoutSites, type DropoutSites, NO_DROPOUT } from "./dropout-sites.ts";
import { mergeHeads, splitHeads, swapHeadsAndTime } from "./heads.ts";
import type { Parameters } from "./parameters.ts";

/** One forward pass, as the layers see it. */
export interface ForwardPass {
  /** Positions before the first one: the length of the cache, or 0. */
  readonly offset: number;
  /** int32 `[B, T]`; undefined: offset, offset + 1, ... */
  readonly positionIds: tf.Tensor2D | undefined;
  readonly dropout: DropoutSites;
  /** Affine map with a weight stored `[out, in]`; with a cache, prepared once. */
  linear(x: tf.Tensor, weight: tf.Tensor2D, bias?: tf.Tensor1D, options?: PassLinearOptions): tf.Tensor;
  /**
   * Causal attention of the new positions over these and the cached ones, inside their documents.
   * @param q - `[B, T, H, D]`  @param k - `[B, T, K, D]`  @param v - as `k`
   * @param dropped - of the attention weights
   * @returns `[B, T, H, D]`
   */
  attend(layer: number, q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, dropped: DropoutPlace): tf.Tensor4D;
  /**
   * The same where one projection gave queries, keys and values, and there are as many heads of each.
   * @param qkv - `[B, T, 3 H D]`
   * @returns `[B, T, H D]`
   */
  selfAttend(layer: number, qkv: tf.Tensor, heads: number, dropped: DropoutPlace): tf.Tensor3D;
}

/** Where in the pass something is dropped: number of the site, and rate. */
export interface DropoutPlace {
  readonly site: number;
  readonly rate: number;
}

export type PassLinearOptions = Pick<LinearOptions, "inputActivation" | "residual">;

export interface Decoder<Config extends ModelConfig> {
  readonly family: string;
  readonly config: Config;
  readonly parameters: Parameters;
  /** Weight of the output head, `[V, C]`. */
  readonly head: tf.Tensor2D;
  /** `[B, T]` ids to the states before the head, `[B, T, C]`, after the last norm. */
  hiddenStates(inputIds: tf.Tensor2D, pass: ForwardPass): tf.Tensor;
  configJson(): Record<string, unknown>;
}

interface PassInputs {
  readonly positionIds?: tf.Tensor2D | undefined;
  readonly documentIds?: tf.Tensor2D | undefined;
  readonly cache?: DecoderCache | undefined;
  readonly dropout: DropoutSites;
}

/** A language model around a decoder. It owns the parameters: `dispose` frees them. */
export function createCausalLanguageModel<Config extends ModelConfig>(decoder: Decoder<Config>): LanguageModel<Config> {
  const { config, head, parameters } = decoder;
  const context = config.maxPositionEmbeddings;

  const startPass = (inputIds: tf.Tensor2D, { positionIds, documentIds, cache, dropout }: PassInputs): ForwardPass => {
    const offset = cache?.length ?? 0;
    const wanted = offset + inputIds.shape[1];
    if (wanted > context) {
      throw new ModelError(
        "MODEL_SEQUENCE_TOO_LONG",
        `${decoder.family}: the model has ${context} positions, the input reaches position ${wanted}`,
        {
          help: "Use shorter sequences, or a model with a larger maxPositionEmbeddings.",
        },
      );
    }
    const mask = ({ site, rate }: DropoutPlace): AttentionMaskOptions => {
      const dropped = dropout.attributes(site, rate);
      return {
        causal: true,
        ...(documentIds === undefined ? {} : { documentIds }),
        ...(dropped === undefined ? {} : { dropout: dropped }),
      };
    };
    const attend: ForwardPass["attend"] = (layer, q, k, v, place) => {
      if (cache === undefined) return attention(q, k, v, { ...mask(place), layout: "bthd" });
      const { keys, values } = cache.append(layer, swapHeadsAndTime(k), swapHeadsAndTime(v));
      return swapHeadsAndTime(attention(swapHeadsAndTime(q), keys, values, { ...mask(place), keyLength: wanted }));
    };
    return {
      offset,
      positionIds,
      dropout,
      linear: cache?.linear ?? linear,
      attend,
      selfAttend(layer, qkv, heads, place) {
        if (cache === undefined) return selfAttention(qkv, { ...mask(place), numAttentionHeads: heads });
        const [q, k, v] = tf.split(qkv, 3, -1).map((part) => splitHeads(part, heads));
        return mergeHeads(attend(layer, q!, k!, v!, place));
      },
    };
  };

  const logits = (inputIds: tf.Tensor2D, options: LogitsOptions = {}): tf.Tensor3D => {
    const { positionIds, documentIds, lastOnly = false } = options;
    const cache = options.cache as DecoderCache | undefined; // what `createCache` below made
    const [batch, seq] = inputIds.shape;
    const result = tf.tidy(() => {
      const pass = startPass(inputIds, { positionIds, documentIds, cache, dropout: NO_DROPOUT });
      const states = decoder.hiddenStates(inputIds, pass);
      const wanted = lastOnly && seq > 1 ? tf.slice(states, [0, seq - 1, 0], [batch, 1, -1]) : states;
      return pass.linear(wanted, head) as tf.Tensor3D;
    });
    cache?.advance(seq);
    return result;
  };

  return {
    family: decoder.family,
    config,
    parameters: () => parameters,
    loss({ inputIds, labels, documentIds, positionIds }, lossContext) {
      return tf.tidy(() => {
        const dropout = createDropoutSites(lossContext);
        const states = decoder.hiddenStates(inputIds, startPass(inputIds, { positionIds, documentIds, dropout }));
        const rows = labels.size;
        return linearCrossEntropy(tf.reshape(states, [rows, head.shape[1]]), head, tf.reshape(labels, [rows]));
      });
    },
    logits,
    createCache: (maxLength = context) => createDecoderCache(Math.min(maxLength, context)),
    configJson: decoder.configJson,
    dispose() {
      for (const { variable } of parameters.values()) variable.dispose();
    },
  };
}
