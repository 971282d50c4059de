/** The line files of a run that trackers are fed from. */
import type { DurableFs } from "@codex/storage";
import type { EventRecord } from "../event-log.ts";
import type { MetricRecord } from "../metric-record.ts";
import { runPaths } from "../run-directory.ts";
import { RecordSource } from "./record-source.ts";

export interface RecordSources extends AsyncDisposable {
  readonly metrics: RecordSource<MetricRecord>;
  readonly system: RecordSource<MetricRecord>;
  readonly events: RecordSource<EventRecord>;
}

export function openRecordSources(runDirectory: string, fs: DurableFs): RecordSources {
  const paths = runPaths(runDirectory);
  const metrics = new RecordSource(paths.metricsNdjson, isMetricRecord, fs);
  const system = new RecordSource(paths.system, isMetricRecord, fs);
  const events = new RecordSource(paths.events, isEventRecord, fs);
  return {
    metrics,
    system,
    events,
    async [Symbol.asyncDispose]() {
      for (const source of [metrics, system, events]) await source[Symbol.asyncDispose]();
    },
  };
}

function isMetricRecord(value: unknown): value is MetricRecord {
  const record = value as Partial<MetricRecord> | null;
  return (
    record?.schema_version === 1 &&
    typeof record.metric === "string" &&
    typeof record.split === "string" &&
    typeof record.value === "number" &&
    typeof record.timestamp === "string" &&
    (record.step === null || typeof record.step === "number")
  );
}

function isEventRecord(value: unknown): value is EventRecord {
  const record = value as Partial<EventRecord> | null;
  return (
    record?.schema_version === 1 &&
    typeof record.event === "string" &&
    typeof record.timestamp === "string" &&
    typeof record.data === "object" &&
    record.data !== null
  );
}
