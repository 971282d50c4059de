import { type LineLogOptions, openLineLog } from "./line-log.ts";
import { type MetricValue, toMetricRecord } from "./metric-record.ts";
import { assertRunId } from "./run-directory.ts";

export interface SystemLogOptions extends LineLogOptions {
  readonly runId: string;
  /** The clock; for tests. */
  readonly now?: () => Date;
}

/** `system.ndjson` of a run: samples of the machine, in the record shape of `metrics.ndjson`. A resumed run adds to it. */
export interface SystemLog extends AsyncDisposable {
  /** Resolves when the lines are written (with `patience`: taken). @throws {LoggingError} `LOGGING_RECORD_INVALID` */
  record(values: readonly MetricValue[]): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens or creates the log and appends to it; a line that was not finished is cut. The caller closes it, or uses `await using`. */
export async function openSystemLog(path: string, options: SystemLogOptions): Promise<SystemLog> {
  const { runId, now = () => new Date(), ...file } = options;
  assertRunId(runId);
  const lines = await openLineLog(path, file);
  return {
    async record(values) {
      const at = now(); // one sample, one moment
      const records = values.map((value) => JSON.stringify(toMetricRecord(value, runId, at)));
      await Promise.all(records.map((record) => lines.appendLine(record)));
    },
    sync: () => lines.sync(),
    close: () => lines.close(),
    [Symbol.asyncDispose]: () => lines.close(),
  };
}
