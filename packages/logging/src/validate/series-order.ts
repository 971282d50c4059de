import type { MetricRecord } from "../metric-record.ts";
import { seriesOf } from "../series.ts";

/** Watches that the steps of each series ascend: then none is there twice. */
export class SeriesOrder {
  readonly #last = new Map<string, number>();

  /** @returns what is wrong with this record after those before it */
  next(record: Pick<MetricRecord, "step" | "split" | "metric" | "dataset">): string | undefined {
    if (record.step === null) return undefined; // belongs to no step, and may come any number of times
    const series = seriesOf(record);
    const last = this.#last.get(series);
    if (last === undefined || record.step > last) {
      this.#last.set(series, record.step);
      return undefined;
    }
    const name = `${record.split} ${record.metric}`;
    return record.step === last
      ? `${name} at step ${last} is there twice`
      : `${name} goes back from step ${last} to ${record.step}`;
  }
}
