import { resolve } from "node:path";
import { readSegments, type SegmentLine, StorageError } from "@codex/storage";
import { LoggingError } from "./errors.ts";
import type { EventRecord, RunOutcome } from "./event-log.ts";
import type { MetricRecord } from "./metric-record.ts";
import { runPaths } from "./run-directory.ts";
import { type RunManifest, readRunManifest } from "./run-manifest.ts";
import { seriesOf } from "./series.ts";

/** The last value of a metric in a run. */
export interface LatestMetric {
  readonly split: MetricRecord["split"];
  readonly metric: string;
  readonly dataset: string | null;
  readonly step: number | null;
  readonly value: number;
}

/** A run in short: a function of its directory, so that it can be kept elsewhere and made again at any time. */
export interface RunSummary {
  readonly runId: string;
  /** Absolute path. */
  readonly directory: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** `unfinished`: the run goes on, or its process was killed. */
  readonly status: RunOutcome["status"] | "unfinished";
  /** The last step with a metric; null before the first. */
  readonly step: number | null;
  readonly gitCommit: string | null;
  /** Sorted by split, metric, dataset. */
  readonly metrics: readonly LatestMetric[];
  readonly manifest: RunManifest;
}

/**
 * Reads a run directory: its manifest, its events and its metrics (once, from start to end).
 *
 * @throws {LoggingError} `LOGGING_MANIFEST_INVALID`, `LOGGING_SCHEMA_UNKNOWN`; `LOGGING_FILE_FOREIGN` for a line that is no record
 */
export async function summarizeRun(runDirectory: string): Promise<RunSummary> {
  const paths = runPaths(resolve(runDirectory));
  const manifest = await readRunManifest(paths.directory);
  let status: RunSummary["status"] = "unfinished";
  for await (const event of records<EventRecord>(paths.events)) {
    if (event.event === "run.finished") status = (event.data as unknown as RunOutcome).status;
    else if (event.event === "run.started" || event.event === "run.resumed") status = "unfinished";
  }
  const latest = new Map<string, LatestMetric>();
  let step: number | null = null;
  for await (const record of records<MetricRecord>(paths.metricsNdjson)) {
    const { split, metric, dataset, value } = record;
    latest.set(seriesOf(record), { split, metric, dataset, step: record.step, value });
    step = record.step ?? step;
  }
  return {
    runId: manifest.run_id,
    directory: paths.directory,
    createdAt: manifest.created_at,
    status,
    step,
    gitCommit: manifest.git?.commit ?? null,
    metrics: [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, metric]) => metric),
    manifest,
  };
}

async function* records<T>(path: string): AsyncGenerator<T> {
  try {
    for await (const line of readSegments(path)) yield parseRecord(line) as T;
  } catch (error) {
    // A run that was killed early, or that logs elsewhere, has no such file.
    if (!(error instanceof StorageError && error.code === "STORAGE_NOT_FOUND")) throw error;
  }
}

function parseRecord(line: SegmentLine): object {
  let record: unknown;
  try {
    record = JSON.parse(line.text);
  } catch {
    // Told below, together with JSON that is no record.
  }
  if (typeof record === "object" && record !== null && "schema_version" in record && record.schema_version === 1) {
    return record;
  }
  throw new LoggingError(
    "LOGGING_FILE_FOREIGN",
    `${line.path}:${line.number}: expected a record of schema_version 1, got ${JSON.stringify(line.text.slice(0, 80))}`,
  );
}
