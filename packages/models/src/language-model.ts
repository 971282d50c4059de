import type { Scalar, Tensor2D, Tensor3D, Variable } from "@tensorflow/tfjs-core";
import type { KeyValueCache } from "./layers/decoder-cache.ts";

/** A named weight. The name is the Hugging Face one; the variable belongs to the model. */
export interface Parameter {
  readonly name: string;
  readonly variable: Variable;
  /** False: no gradient reaches it and no optimizer touches it. */
  trainable: boolean;
}

/** One batch on the device. All tensors are int32 `[batch, seq]` and stay the caller's. */
export interface TrainingBatch {
  readonly inputIds: Tensor2D;
  /** `labels[b, t]` is the token to predict AT position t (already shifted); -100 means no target. */
  readonly labels: Tensor2D;
  /** Attention does not cross from one id to another. */
  readonly documentIds?: Tensor2D;
  /** Position of each token in its document; default 0, 1, 2, ... */
  readonly positionIds?: Tensor2D;
}

export interface LossContext {
  /** True switches dropout on. */
  readonly training: boolean;
  /** Philox key of this micro-step's dropout masks; needed when training with a dropout rate above 0. */
  readonly dropoutKey?: readonly [number, number];
}

/** A sum and a count, not a mean: micro-batches of unequal target counts then add up to the big batch. */
export interface LossResult {
  /** Summed negative log-likelihood of the targets, in nats. The caller disposes. */
  readonly lossSum: Scalar;
  /** Number of labels that are not -100. The caller disposes. */
  readonly targetCount: Scalar;
}

export interface LogitsOptions {
  /** int32 `[batch, seq]`; default: `cache.length`, `cache.length + 1`, ... */
  readonly positionIds?: Tensor2D;
  /** int32 `[batch, seq]`; not together with a cache. */
  readonly documentIds?: Tensor2D;
  /** Keys and values of the earlier positions; grows by `seq` positions. */
  readonly cache?: KeyValueCache;
  /** Only the last position: the result is `[batch, 1, vocab]`. */
  readonly lastOnly?: boolean;
}

/** What every model says of itself, in the words of Hugging Face's config.json, camelCased. */
export interface ModelConfig {
  readonly modelType: string;
  readonly vocabSize: number;
  /** Context length, in tokens. */
  readonly maxPositionEmbeddings: number;
  readonly bosTokenId?: number | undefined;
  readonly eosTokenId?: number | readonly number[] | undefined;
  readonly padTokenId?: number | undefined;
}

/**
 * A causal language model: what training, evaluation and generation need of it. A plugin may return any object of this shape.
 * The model owns its variables; `dispose` frees them.
 */
export interface LanguageModel<Config extends ModelConfig = ModelConfig> {
  /** Name of the architecture: a `model_type` of Hugging Face, or a plugin's own. */
  readonly family: string;
  readonly config: Config;
  /** By Hugging Face name, in a fixed order. A weight that is used twice (a tied head) is there once. */
  parameters(): ReadonlyMap<string, Parameter>;
  /** @throws {ModelError} `MODEL_SEQUENCE_TOO_LONG`, `MODEL_DROPOUT_KEY_MISSING` */
  loss(batch: TrainingBatch, context: LossContext): LossResult;
  /**
   * @param inputIds - int32 `[batch, seq]`
   * @returns `[batch, seq, vocab]`, unnormalised; the caller disposes.
   * @throws {ModelError} `MODEL_SEQUENCE_TOO_LONG`, `MODEL_CACHE_FULL`
   */
  logits(inputIds: Tensor2D, options?: LogitsOptions): Tensor3D;
  /** An empty cache for up to `maxLength` positions (default: the context). Without this method generation recomputes every position. */
  createCache?(maxLength?: number): KeyValueCache;
  /** The contents of config.json, in Hugging Face's spelling. */
  configJson(): Record<string, unknown>;
  dispose(): void;
}
