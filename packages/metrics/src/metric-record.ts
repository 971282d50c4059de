/** The one shape of a measured number, in NDJSON and in CSV (docs/architecture.md, "One run, one directory"). */
import Type, { type Static } from "typebox";
import { Value } from "typebox/value";
import { MetricsError } from "./errors.ts";
import type { NamedResult } from "./evaluate.ts";

export const METRIC_SCHEMA_VERSION = 1;

const ONE_LINE = "^[^\\r\\n]+$";

export const MetricRecord = Type.Object(
  {
    schema_version: Type.Literal(METRIC_SCHEMA_VERSION),
    run_id: Type.String({ pattern: ONE_LINE, description: "Name of the run." }),
    timestamp: Type.String({
      pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$",
      description: "ISO 8601, UTC.",
    }),
    step: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: "Optimizer steps done; null for what belongs to no step.",
    }),
    split: Type.Union([Type.Literal("train"), Type.Literal("validation"), Type.Literal("test")]),
    metric: Type.String({ pattern: ONE_LINE, description: 'The loss is "loss", in nats per target token.' }),
    value: Type.Number({ description: "Finite." }),
    dataset: Type.Union([Type.String({ pattern: ONE_LINE }), Type.Null()]),
    tags: Type.Record(Type.String(), Type.String()),
  },
  { description: "One measured number." },
);
export type MetricRecord = Static<typeof MetricRecord>;

const FIELDS = [
  "schema_version",
  "run_id",
  "timestamp",
  "step",
  "split",
  "metric",
  "value",
  "dataset",
  "tags",
] as const satisfies readonly (keyof MetricRecord)[];

export const metricCsvHeader: string = FIELDS.join(",");

/** Evaluation results as records; `n` becomes a tag. @param context.timestamp - default: now */
export function toMetricRecords(
  results: readonly NamedResult[],
  context: Pick<MetricRecord, "run_id" | "split"> &
    Partial<Pick<MetricRecord, "step" | "dataset" | "tags" | "timestamp">>,
): MetricRecord[] {
  const { run_id, split, step = null, dataset = null, tags = {}, timestamp = new Date().toISOString() } = context;
  return results.map(({ metric, value, n }) => ({
    schema_version: METRIC_SCHEMA_VERSION,
    run_id,
    timestamp,
    step,
    split,
    metric,
    value,
    dataset,
    tags: { ...tags, n: String(n) },
  }));
}

/** One line of NDJSON with its line feed. @throws {MetricsError} `METRICS_RECORD_INVALID`, for NaN too */
export function serializeMetricRecord(record: MetricRecord): string {
  checkRecord(record, "record");
  return `${JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, record[field]])))}\n`;
}

/**
 * Reads NDJSON. A last line without its line feed was never finished, and is passed over; so are fields of a record
 * that this version does not know.
 * @throws {MetricsError} `METRICS_RECORD_INVALID` (names the line), `METRICS_SCHEMA_NEWER`
 */
export function parseMetricRecords(text: string): MetricRecord[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const where = `line ${index + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new MetricsError("METRICS_RECORD_INVALID", `${where}: expected JSON, got ${shorten(line)}`, { cause });
    }
    return checkRecord(value, where);
  });
}

/** One line of CSV (RFC 4180) without its line feed; tags as JSON, null as an empty field. @throws {MetricsError} `METRICS_RECORD_INVALID` */
export function toMetricCsvRow(record: MetricRecord): string {
  checkRecord(record, "record");
  return FIELDS.map((field) => {
    const value = record[field];
    const text = field === "tags" ? JSON.stringify(value) : String(value ?? "");
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(",");
}

/** Reads CSV with its header; a last line without its line feed is passed over. @throws {MetricsError} as `parseMetricRecords` */
export function parseMetricCsv(text: string): MetricRecord[] {
  const [header, ...lines] = text.split("\n").slice(0, -1);
  if (header === undefined) return [];
  if (header !== metricCsvHeader) {
    throw new MetricsError("METRICS_RECORD_INVALID", `line 1: expected ${metricCsvHeader}, got ${shorten(header)}`);
  }
  return lines.map((line, index) => {
    const where = `line ${index + 2}`;
    const fields = splitCsvLine(line);
    if (fields === undefined || fields.length !== FIELDS.length) {
      throw new MetricsError(
        "METRICS_RECORD_INVALID",
        `${where}: expected ${FIELDS.length} fields, got ${shorten(line)}`,
      );
    }
    const [schema_version, run_id, timestamp, step, split, metric, value, dataset, tags] = fields as [
      string,
      ...string[],
    ];
    let parsedTags: unknown;
    try {
      parsedTags = JSON.parse(tags!);
    } catch (cause) {
      throw new MetricsError("METRICS_RECORD_INVALID", `${where}: tags: expected JSON, got ${shorten(tags!)}`, {
        cause,
      });
    }
    return checkRecord(
      {
        schema_version: Number(schema_version),
        run_id,
        timestamp,
        step: step === "" ? null : Number(step),
        split,
        metric,
        value: value === "" ? null : Number(value),
        dataset: dataset === "" ? null : dataset,
        tags: parsedTags,
      },
      where,
    );
  });
}

/** @returns undefined if a quote is not closed or stands where none may */
function splitCsvLine(line: string): string[] | undefined {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = pattern.exec(line);
    if (match === null) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === "") return fields;
  }
}

function checkRecord(value: unknown, where: string): MetricRecord {
  const version = (value as Partial<MetricRecord> | null)?.schema_version as unknown;
  if (typeof version === "number" && version > METRIC_SCHEMA_VERSION) {
    throw new MetricsError(
      "METRICS_SCHEMA_NEWER",
      `${where}: schema_version: expected ${METRIC_SCHEMA_VERSION} or less, got ${version}`,
      { help: "The file was written by a later version of Codex: update @codex/metrics." },
    );
  }
  if (Value.Check(MetricRecord, value)) return value;
  const [problem] = Value.Errors(MetricRecord, value);
  throw new MetricsError(
    "METRICS_RECORD_INVALID",
    `${where}: ${problem?.instancePath.slice(1) || "record"}: ${problem?.message ?? "is invalid"}, got ${shorten(JSON.stringify(value) ?? "nothing")}`,
  );
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
