import type { SegmentLine } from "@codex/storage";
import { LoggingError } from "./errors.ts";
import { type LineLog, type LineLogOptions, openLineLog } from "./line-log.ts";
import {
  CSV_HEADER,
  type MetricPosition,
  type MetricValue,
  positionOfCsvLine,
  toCsvLine,
  toMetricRecord,
} from "./metric-record.ts";
import { assertRunId, runPaths } from "./run-directory.ts";

export interface MetricLogOptions extends LineLogOptions {
  readonly runId: string;
  /**
   * The step of the checkpoint that the run goes on from. Records of later steps are cut: those steps come again, and
   * each is to be there exactly once.
   */
  readonly resumeAtStep?: number;
  /**
   * With `resumeAtStep`, the last step whose held-out evaluation the checkpoint knows of: a later one comes again, and its
   * records are cut, too. It is below `resumeAtStep` where a run was stopped with an evaluation due. Default: `resumeAtStep`.
   */
  readonly evaluatedAtStep?: number;
  /** Write `metrics.csv` beside `metrics.ndjson`. Default: true. */
  readonly csv?: boolean;
  /** The clock; for tests. */
  readonly now?: () => Date;
}

/** `metrics.ndjson` and `metrics.csv` of a run: the same records in both. A metric sink of `@codex/training`. */
export interface MetricLog extends AsyncDisposable {
  /**
   * Resolves when the lines are written: a killed process loses nothing that was awaited. With `patience`, when they are taken.
   * @throws {LoggingError} `LOGGING_RECORD_INVALID`, for example for NaN
   */
  metric(value: MetricValue): Promise<void>;
  /** Makes what was written so far survive a power loss. Call it before a checkpoint is saved: resuming counts on it. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens or creates the metric files of a run directory and appends to them; a line that was not finished is cut.
 * One process at a time: hold the lock of the run directory. The caller closes it, or uses `await using`.
 *
 * @throws {LoggingError} `LOGGING_FILE_FOREIGN` when a file of that name holds something else
 */
export async function openMetricLog(runDirectory: string, options: MetricLogOptions): Promise<MetricLog> {
  const { runId, resumeAtStep, evaluatedAtStep = resumeAtStep, csv = true, now = () => new Date(), ...files } = options;
  const comesAgain = ({ step, split }: MetricPosition): boolean => {
    const last = split === "validation" ? evaluatedAtStep : resumeAtStep;
    return resumeAtStep !== undefined && last !== undefined && step !== null && step > last;
  };
  assertRunId(runId);
  const paths = runPaths(runDirectory);
  const logs: LineLog[] = [];
  const open = async (path: string, options: LineLogOptions): Promise<LineLog> => {
    const log = await openLineLog(path, options);
    logs.push(log);
    return log;
  };
  try {
    const ndjson = await open(paths.metricsNdjson, files);
    await cutWhere(ndjson, (line) => comesAgain(positionOfJsonLine(line)));
    let table: LineLog | undefined;
    if (csv) {
      // One file, whatever the limits: a table without its header is none.
      const { maxSegmentBytes: _bytes, maxSegmentAgeMs: _age, ...whole } = files;
      table = await open(paths.metricsCsv, whole);
      await cutWhere(table, (line) => comesAgain(positionOfTableLine(line)));
      if (table.empty) await table.appendLine(CSV_HEADER);
    }
    return {
      async metric(value) {
        const record = toMetricRecord(value, runId, now());
        await Promise.all([ndjson.appendLine(JSON.stringify(record)), table?.appendLine(toCsvLine(record))]);
      },
      sync: () => each(logs, (log) => log.sync()),
      close: () => each(logs, (log) => log.close()),
      [Symbol.asyncDispose]: () => each(logs, (log) => log.close()),
    };
  } catch (error) {
    for (const log of logs) await log.close().catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/**
 * Cuts from the first line that comes again: lines are in the order of their steps, and an evaluation comes after the
 * training records of its step. Reads every line even when nothing is to be cut: a file that is not ours is noticed
 * before it is written to.
 */
async function cutWhere(lines: LineLog, comesAgain: (line: SegmentLine) => boolean): Promise<void> {
  await lines.truncateFrom(comesAgain);
}

function positionOfJsonLine(line: SegmentLine): MetricPosition {
  try {
    const record = JSON.parse(line.text) as { schema_version?: unknown; step?: unknown; split?: unknown } | null;
    const known = record?.schema_version === 1 && typeof record.split === "string";
    if (known && (record.step === null || typeof record.step === "number")) return record as MetricPosition;
  } catch {
    // Told below, together with JSON that is no record.
  }
  throw foreign(line, "a metric record of schema_version 1");
}

function positionOfTableLine(line: SegmentLine): MetricPosition {
  if (line.number === 1) {
    if (line.text === CSV_HEADER) return { step: null, split: "train" };
    throw foreign(line, `the header ${CSV_HEADER}`);
  }
  const position = positionOfCsvLine(line.text);
  if (position.step === null || Number.isSafeInteger(position.step)) return position;
  throw foreign(line, "a metric record of schema_version 1");
}

function foreign(line: SegmentLine, expected: string): LoggingError {
  return new LoggingError(
    "LOGGING_FILE_FOREIGN",
    `${line.path}:${line.number}: expected ${expected}, got ${JSON.stringify(line.text.slice(0, 80))}`,
    { help: "Move the file away to start a new one." },
  );
}

async function each(logs: readonly LineLog[], action: (log: LineLog) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(logs.map(action));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
