/** A value and how many things it is over: targets, bytes or rows, as each metric says. */
export interface MetricResult {
  readonly value: number;
  readonly n: number;
}

/** What a model said about a run of target tokens. The arrays have one entry per position. */
export interface TokenBatch {
  /** Ids of the targets; -100 where there is none, and nothing else is read at such a position. */
  readonly targets: ArrayLike<number>;
  /** Negative log likelihood of each target, in nats. */
  readonly losses?: ArrayLike<number>;
  /** Ids that the model found most likely. */
  readonly predictions?: ArrayLike<number>;
  /** Bytes of UTF-8 that the targets stand for, together. */
  readonly byteCount?: number;
}

/** One example that a model has answered. */
export interface EvaluationRow {
  readonly input?: string;
  readonly target: string;
  readonly prediction: string;
}

/**
 * A number over a stream of observations. However the stream is cut into batches, the result has the same bits: an
 * implementation adds up observation by observation, never the means of batches.
 */
interface MetricOf<Kind extends string, Batch> {
  readonly name: string;
  readonly kind: Kind;
  /** @throws {MetricsError} and is then to be thrown away: part of the batch may have been counted */
  update(batch: Batch): void;
  /** May be asked at any time. @throws {MetricsError} `METRICS_EMPTY`, `METRICS_NOT_FINITE` */
  result(): MetricResult;
}

export type TokenMetric = MetricOf<"token", TokenBatch>;
export type TextMetric = MetricOf<"text", readonly EvaluationRow[]>;
export type Metric = TokenMetric | TextMetric;

/** The label that marks a position without a target, as in PyTorch's cross-entropy. */
export const IGNORE_INDEX = -100;
