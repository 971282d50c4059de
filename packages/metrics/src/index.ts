/** @module Metrics of language models: numbers in, numbers out; and the record in which they are stored. */
export { MetricsError, type MetricsErrorCode } from "./errors.ts";
export { evaluateRows, evaluateTokens, type NamedResult } from "./evaluate.ts";
export {
  type EvaluationRow,
  IGNORE_INDEX,
  type Metric,
  type MetricResult,
  type TextMetric,
  type TokenBatch,
  type TokenMetric,
} from "./metric.ts";
export {
  METRIC_SCHEMA_VERSION,
  MetricRecord,
  metricCsvHeader,
  parseMetricCsv,
  parseMetricRecords,
  serializeMetricRecord,
  toMetricCsvRow,
  toMetricRecords,
} from "./metric-record.ts";
export { type ByteNgramModel, createByteNgramModel } from "./ngram-baseline.ts";
export { createExactMatch, createF1, normalizeAnswer, TextMetricOptions } from "./text-metrics.ts";
export { createBitsPerByte, createLoss, createPerplexity, createTokenAccuracy } from "./token-metrics.ts";
