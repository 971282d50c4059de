import { redactValue } from "@codex/safety";
import { type LineLogOptions, openLineLog } from "./line-log.ts";
import { assertRunId } from "./run-directory.ts";

export type EventLevel = "info" | "warning" | "error";

/** One line of `events.ndjson`. */
export interface EventRecord {
  readonly schema_version: 1;
  readonly run_id: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly level: EventLevel;
  /** Dotted, general before particular: `run.started`, `checkpoint.fallback`. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** How a run ended; the data of a `run.finished` event. A run without one is still going on, or was killed. */
export interface RunOutcome {
  readonly status: "completed" | "interrupted" | "failed";
}

export interface EventLogOptions extends LineLogOptions {
  readonly runId: string;
  /** The clock; for tests. */
  readonly now?: () => Date;
}

/** Everything that happened in a run and is not a metric, one line each. */
export interface EventLog extends AsyncDisposable {
  /** Resolves when the line is written (with `patience`: taken): a killed process loses nothing that was awaited. `data` is redacted. */
  log(event: string, data?: Readonly<Record<string, unknown>>, level?: EventLevel): Promise<void>;
  /** Makes what was logged so far survive a power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens or creates an event log and appends to it; a line that was not finished is cut. One process at a time.
 * The caller closes it, or uses `await using`.
 */
export async function openEventLog(path: string, options: EventLogOptions): Promise<EventLog> {
  const { runId, now = () => new Date(), ...file } = options;
  assertRunId(runId);
  const lines = await openLineLog(path, file);
  return {
    log(event, data = {}, level = "info") {
      const timestamp = now().toISOString();
      const record: EventRecord = { schema_version: 1, run_id: runId, timestamp, level, event, data };
      return lines.appendLine(JSON.stringify(redactValue(record)));
    },
    sync: () => lines.sync(),
    close: () => lines.close(),
    [Symbol.asyncDispose]: () => lines.close(),
  };
}
