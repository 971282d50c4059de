import type { MetricRecord } from "./metric-record.ts";

/** What makes numbers one curve: the split, the metric and the data set. */
export function seriesOf({ split, metric, dataset }: Pick<MetricRecord, "split" | "metric" | "dataset">): string {
  return `${split}\0${metric}\0${dataset ?? ""}`;
}
