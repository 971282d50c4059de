import { readSegments, type SegmentLine, StorageError } from "@codex/storage";
import { LoggingError } from "./errors.ts";
import type { MetricRecord } from "./metric-record.ts";
import { seriesOf } from "./series.ts";

export interface ReadMetricsOptions {
  /** Only records that this holds for. */
  readonly where?: (record: MetricRecord) => boolean;
}

/**
 * The records of a file of metrics (`metrics.ndjson`, `system.ndjson`), in order, each step of a series once: where one is there again, the later record
 * counts. A line that was not finished is left out; a file that is not there has no records. In memory that grows only with series that are out of order.
 *
 * @throws {LoggingError} `LOGGING_FILE_FOREIGN` for a line that is no record
 */
export async function* readMetrics(
  path: string,
  { where = () => true }: ReadMetricsOptions = {},
): AsyncGenerator<MetricRecord, void, undefined> {
  const lastOf = await lastPositions(path);
  let position = 0;
  for await (const record of records(path)) {
    const last = lastOf.get(seriesOf(record))?.get(record.step);
    if ((last === undefined || last === position) && where(record)) yield record;
    position++;
  }
}

/** For each series whose steps do not ascend, where each of its steps stands for the last time. */
async function lastPositions(path: string): Promise<Map<string, Map<number | null, number>>> {
  const lastStep = new Map<string, number>();
  const lastOf = new Map<string, Map<number | null, number>>();
  for await (const record of records(path)) {
    if (record.step === null) continue;
    const series = seriesOf(record);
    if (record.step <= (lastStep.get(series) ?? -1)) lastOf.set(series, new Map());
    lastStep.set(series, record.step);
  }
  if (lastOf.size === 0) return lastOf;
  let position = 0;
  for await (const record of records(path)) {
    if (record.step !== null) lastOf.get(seriesOf(record))?.set(record.step, position);
    position++;
  }
  return lastOf;
}

async function* records(path: string): AsyncGenerator<MetricRecord, void, undefined> {
  try {
    for await (const line of readSegments(path)) yield parseRecord(line);
  } catch (error) {
    if (!(error instanceof StorageError && error.code === "STORAGE_NOT_FOUND")) throw error;
  }
}

function parseRecord({ text, path, number }: SegmentLine): MetricRecord {
  let record: Partial<MetricRecord> | null | undefined;
  try {
    record = JSON.parse(text) as Partial<MetricRecord> | null;
  } catch {
    // Told below, together with JSON that is no record.
  }
  if (record?.schema_version === 1 && typeof record.metric === "string" && typeof record.value === "number") {
    return record as MetricRecord;
  }
  throw new LoggingError(
    "LOGGING_FILE_FOREIGN",
    `${path}:${number}: expected a metric record of schema_version 1, got ${JSON.stringify(text.slice(0, 80))}`,
    { help: "`codex runs validate` tells every line that is wrong." },
  );
}
