/** @module The kind `trackers` of `@codex/registry`, and the tracker that ships with Codex. */
import type { RegistryEntry } from "@codex/registry";
import { type MetricLog, openMetricLog } from "./metric-log.ts";
import type { MetricValue } from "./metric-record.ts";

/** Where the numbers of a run go. Any number of trackers may be active; each gets every record. */
export interface Tracker {
  metric(value: MetricValue): void | Promise<void>;
  /** Makes what was given so far as safe as it gets; called before each checkpoint. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface TrackerContext {
  readonly runDirectory: string;
  readonly runId: string;
  /** The step of the checkpoint that the run goes on from: records of later steps come again. */
  readonly resumeAtStep?: number;
  /** The last step whose evaluation that checkpoint knows of: validation records of later steps come again. */
  readonly evaluatedAtStep?: number;
}

export type CreateTracker = (options: never, context: TrackerContext) => Promise<Tracker>;

declare module "@codex/registry" {
  interface RegistryKinds {
    trackers: RegistryEntry<CreateTracker>;
  }
}

export interface FilesTrackerOptions {
  readonly csv?: boolean;
}

/** `metrics.ndjson` and `metrics.csv` in the run directory. */
export const files = {
  create: (options: FilesTrackerOptions, context: TrackerContext): Promise<MetricLog> =>
    openMetricLog(context.runDirectory, {
      runId: context.runId,
      ...(options.csv === undefined ? {} : { csv: options.csv }),
      ...(context.resumeAtStep === undefined ? {} : { resumeAtStep: context.resumeAtStep }),
      ...(context.evaluatedAtStep === undefined ? {} : { evaluatedAtStep: context.evaluatedAtStep }),
    }),
  configSchema: {
    type: "object",
    description: "Line files in the run directory: metrics.ndjson and metrics.csv.",
    properties: {
      csv: { type: "boolean", default: true, description: "Write metrics.csv beside metrics.ndjson." },
    },
    additionalProperties: false,
  },
} satisfies RegistryEntry<CreateTracker>;
