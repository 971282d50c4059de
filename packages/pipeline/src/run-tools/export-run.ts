import { dirname } from "node:path";
import { CSV_HEADER, type MetricRecord, readMetrics, runPaths, toCsvLine } from "@codex/logging";
import { type FileWriter, makeDirectory, writeFileDurably } from "@codex/storage";
import { PipelineError } from "../errors.ts";
import { findRun } from "./find-run.ts";

export const RUN_EXPORT_FORMATS = ["csv", "json", "parquet"] as const;
export type RunExportFormat = (typeof RUN_EXPORT_FORMATS)[number];

export interface ExportRunsRequest {
  /** Run directories, or ids of runs in `runsDirectory`. */
  readonly runs: readonly string[];
  /** File to write; one that is there is replaced. */
  readonly output: string;
  /** `csv` and `json` (an array of records) stream; `parquet` is put together in memory. */
  readonly format: RunExportFormat;
  readonly runsDirectory?: string;
  /** Only these metrics; a name that ends in `*` takes all that start so. Default: all. */
  readonly metrics?: readonly string[];
  /** System metrics too. Default: false. */
  readonly system?: boolean;
}

export interface ExportedRuns {
  readonly output: string;
  readonly records: number;
  readonly bytes: number;
}

/**
 * Writes the numbers of runs into one file, one row a number, in the columns of the record: `schema_version`, `run_id`, `timestamp`, `step`, `split`,
 * `metric`, `value`, `dataset`, `tags`. Each step of a series is there once. The file is there whole or not at all.
 *
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`, `PIPELINE_EXPORT_EMPTY` when nothing was left to write
 */
export async function exportRuns(request: ExportRunsRequest): Promise<ExportedRuns> {
  const { runs, output, format, runsDirectory, metrics, system = false } = request;
  const directories = await Promise.all(runs.map((run) => findRun(run, runsDirectory)));
  const wanted = metrics === undefined ? () => true : matcher(metrics);
  let records = 0;
  async function* rows(): AsyncGenerator<MetricRecord> {
    for (const directory of directories) {
      const paths = runPaths(directory);
      for (const path of system ? [paths.metricsNdjson, paths.system] : [paths.metricsNdjson]) {
        for await (const record of readMetrics(path, { where: ({ metric }) => wanted(metric) })) {
          records++;
          yield record;
        }
      }
    }
  }
  await makeDirectory(dirname(output));
  const { size } = await writeFileDurably(output, async (writer) => {
    await WRITERS[format](writer, rows());
    if (records > 0) return;
    throw new PipelineError(
      "PIPELINE_EXPORT_EMPTY",
      `${runs.join(", ")}: expected numbers to export, found none${metrics === undefined ? "" : ` named ${metrics.join(", ")}`}`,
      { help: "`codex runs show <run>` tells which metrics a run has." },
    );
  });
  return { output, records, bytes: size };
}

function matcher(names: readonly string[]): (metric: string) => boolean {
  return (metric) =>
    names.some((name) => (name.endsWith("*") ? metric.startsWith(name.slice(0, -1)) : metric === name));
}

type Write = (writer: FileWriter, rows: AsyncIterable<MetricRecord>) => Promise<void>;

/** Characters that are gathered before they are written. */
const PIECE_CHARACTERS = 256 * 1024;

async function writePieces(writer: FileWriter, pieces: AsyncIterable<string>): Promise<void> {
  let text = "";
  for await (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_CHARACTERS) continue;
    await writer.write(text);
    text = "";
  }
  await writer.write(text);
}

const WRITERS: Readonly<Record<RunExportFormat, Write>> = {
  csv: (writer, rows) =>
    writePieces(
      writer,
      (async function* () {
        yield `${CSV_HEADER}\n`;
        for await (const row of rows) yield `${toCsvLine(row)}\n`;
      })(),
    ),
  json: (writer, rows) =>
    writePieces(
      writer,
      (async function* () {
        let first = true;
        for await (const row of rows) {
          yield `${first ? "[\n" : ",\n"}${JSON.stringify(row)}`;
          first = false;
        }
        yield first ? "[]\n" : "\n]\n";
      })(),
    ),
  async parquet(writer, rows) {
    const { parquetWriteBuffer } = await import("hyparquet-writer");
    const columns = {
      schema_version: [] as number[],
      run_id: [] as string[],
      timestamp: [] as Date[],
      step: [] as (bigint | null)[],
      split: [] as string[],
      metric: [] as string[],
      value: [] as number[],
      dataset: [] as (string | null)[],
      tags: [] as string[],
    };
    for await (const row of rows) {
      columns.schema_version.push(row.schema_version);
      columns.run_id.push(row.run_id);
      columns.timestamp.push(new Date(row.timestamp));
      columns.step.push(row.step === null ? null : BigInt(row.step));
      columns.split.push(row.split);
      columns.metric.push(row.metric);
      columns.value.push(row.value);
      columns.dataset.push(row.dataset);
      columns.tags.push(JSON.stringify(row.tags));
    }
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: "schema_version", data: columns.schema_version, type: "INT32" },
        { name: "run_id", data: columns.run_id, type: "STRING" },
        { name: "timestamp", data: columns.timestamp, type: "TIMESTAMP" },
        { name: "step", data: columns.step, type: "INT64", nullable: true },
        { name: "split", data: columns.split, type: "STRING" },
        { name: "metric", data: columns.metric, type: "STRING" },
        { name: "value", data: columns.value, type: "DOUBLE" },
        { name: "dataset", data: columns.dataset, type: "STRING", nullable: true },
        { name: "tags", data: columns.tags, type: "STRING" },
      ],
    });
    await writer.write(new Uint8Array(buffer));
  },
};
