import { MetricsError } from "./errors.ts";
import type { EvaluationRow, MetricResult, TextMetric, TokenBatch, TokenMetric } from "./metric.ts";

/** The result of one metric. */
export interface NamedResult extends MetricResult {
  readonly metric: string;
}

/**
 * Scores examples that a model has answered, as they come.
 * @returns one result per metric, in the order given
 * @throws {MetricsError} `METRICS_ROW_INVALID`, `METRICS_EMPTY`
 */
export async function evaluateRows(
  rows: AsyncIterable<EvaluationRow> | Iterable<EvaluationRow>,
  metrics: readonly TextMetric[],
): Promise<NamedResult[]> {
  let index = 0;
  for await (const row of rows) {
    checkRow(row, index++);
    for (const metric of metrics) metric.update([row]);
  }
  return results(metrics);
}

/**
 * Scores the target tokens of batches, as they come.
 * @returns one result per metric, in the order given
 * @throws {MetricsError} what the metrics throw, `METRICS_EMPTY` among them
 */
export async function evaluateTokens(
  batches: AsyncIterable<TokenBatch> | Iterable<TokenBatch>,
  metrics: readonly TokenMetric[],
): Promise<NamedResult[]> {
  for await (const batch of batches) for (const metric of metrics) metric.update(batch);
  return results(metrics);
}

function results(metrics: readonly (TextMetric | TokenMetric)[]): NamedResult[] {
  return metrics.map((metric) => ({ metric: metric.name, ...metric.result() }));
}

function checkRow(row: EvaluationRow, index: number): void {
  for (const field of ["target", "prediction"] as const) {
    const value: unknown = row?.[field];
    if (typeof value === "string") continue;
    throw new MetricsError(
      "METRICS_ROW_INVALID",
      `rows[${index}].${field}: expected a string, got ${JSON.stringify(value)}`,
    );
  }
}
