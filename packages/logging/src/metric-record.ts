/** The one shape of a measured number, in NDJSON and in CSV (docs/architecture.md, "One run, one directory"). */
import { redactText, redactValue } from "@codex/safety";
import { LoggingError } from "./errors.ts";

export interface MetricRecord {
  readonly schema_version: 1;
  readonly run_id: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  /** Optimizer steps done; null for what belongs to no step. */
  readonly step: number | null;
  readonly split: "train" | "validation" | "test";
  readonly metric: string;
  readonly value: number;
  readonly dataset: string | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** What a caller gives; the log adds the rest. */
export interface MetricValue {
  readonly step: number | null;
  readonly split: "train" | "validation" | "test";
  readonly metric: string;
  readonly value: number;
  readonly dataset?: string | null;
  readonly tags?: Readonly<Record<string, string>>;
}

export const CSV_HEADER = "schema_version,run_id,timestamp,step,split,metric,value,dataset,tags";

const SPLITS: ReadonlySet<string> = new Set(["train", "validation", "test"]);

/** @throws {LoggingError} `LOGGING_RECORD_INVALID`: JSON has no NaN, and a made-up number is worse than none */
export function toMetricRecord(value: MetricValue, runId: string, now: Date): MetricRecord {
  const problem = !Number.isFinite(value.value)
    ? `a finite value, got ${value.value}`
    : value.step !== null && !(Number.isSafeInteger(value.step) && value.step >= 0)
      ? `a step from 0 or null, got ${value.step}`
      : !SPLITS.has(value.split)
        ? `split "train", "validation" or "test", got ${JSON.stringify(value.split)}`
        : value.metric === ""
          ? "a name, got an empty one"
          : undefined;
  if (problem !== undefined) {
    throw new LoggingError(
      "LOGGING_RECORD_INVALID",
      `metric "${value.metric}" at step ${value.step}: expected ${problem}`,
    );
  }
  return {
    schema_version: 1,
    run_id: runId,
    timestamp: now.toISOString(),
    step: value.step,
    split: value.split,
    metric: redactText(value.metric),
    value: value.value,
    dataset: typeof value.dataset === "string" ? redactText(value.dataset) : null,
    tags: redactValue(value.tags ?? {}) as Record<string, string>,
  };
}

/** One line, RFC 4180 quoting; tags as JSON, null as an empty field. Line breaks in names become spaces. */
export function toCsvLine(record: MetricRecord): string {
  return [
    record.schema_version,
    record.run_id,
    record.timestamp,
    record.step ?? "",
    record.split,
    record.metric,
    record.value,
    record.dataset ?? "",
    JSON.stringify(record.tags),
  ]
    .map((field) => quote(String(field)))
    .join(",");
}

export type MetricPosition = Pick<MetricRecord, "step" | "split">;

/** Step and split of a CSV line: the fourth and fifth field; none up to there holds a comma. */
export function positionOfCsvLine(line: string): MetricPosition {
  const [, , , step, split] = line.split(",", 5);
  return { step: step === undefined || step === "" ? null : Number(step), split: split as MetricPosition["split"] };
}

function quote(field: string): string {
  const line = field.replace(/[\r\n]+/g, " ");
  return /[",]/.test(line) ? `"${line.replaceAll('"', '""')}"` : line;
}
