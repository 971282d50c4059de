/** What the server answers and the page reads. Types only: the page is built from the same declarations. */

/** `running`: a live process holds the run; `unfinished`: it ended without saying how, or was killed; `unreadable`: see `problem`. */
export type RunStatus = "running" | "completed" | "interrupted" | "failed" | "unfinished" | "unreadable";

export interface LatestValue {
  readonly split: string;
  readonly metric: string;
  readonly dataset: string | null;
  readonly step: number | null;
  readonly value: number;
}

export interface RunSummary {
  /** Name of the run's folder: unique below the root, also for copies that share a `run_id`. */
  readonly id: string;
  readonly runId: string;
  readonly status: RunStatus;
  /** Why a run is unreadable. */
  readonly problem: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string | null;
  /** ISO 8601, UTC: the last event or metric. */
  readonly updatedAt: string | null;
  readonly step: number | null;
  readonly maxSteps: number | null;
  readonly gitCommit: string | null;
  readonly gitDirty: boolean;
  readonly device: string | null;
  readonly host: string | null;
  /** `model.name` and `data.name` of the configuration. */
  readonly model: string | null;
  readonly data: string | null;
  readonly parameters: number | null;
  /** Newest value of each series, as far as it has been read. */
  readonly latest: readonly LatestValue[];
  /** Held-out loss by step, nats per target token; for the small curve in the list. */
  readonly evaluations: readonly (readonly [step: number, lossNats: number])[];
  readonly samples: number;
  readonly checkpoints: number;
}

export interface RunList {
  readonly root: string;
  readonly runs: readonly RunSummary[];
}

export interface Checkpoint {
  readonly name: string;
  readonly step: number;
  readonly bytes: number;
  /** ISO 8601, UTC; null when no event tells of it. */
  readonly savedAt: string | null;
  readonly durationMs: number | null;
  readonly lossNats: number | null;
  readonly isLatest: boolean;
  readonly isBest: boolean;
  readonly files: readonly { readonly name: string; readonly size: number }[];
}

export interface Sample {
  readonly step: number | null;
  readonly timestamp: string;
  readonly text: string;
  /** `completion`: the one at the end of the run. */
  readonly kind: "sample" | "completion";
}

export interface RunEvent {
  readonly timestamp: string;
  readonly level: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type ConfigEntry = readonly [key: string, value: string];

export interface RunDetails {
  readonly id: string;
  readonly directory: string;
  readonly manifest: Readonly<Record<string, unknown>> | null;
  readonly config: readonly ConfigEntry[];
  readonly configProblem: string | null;
  readonly overrides: string;
  readonly checkpoints: readonly Checkpoint[];
  readonly samples: readonly Sample[];
  /** Lines that are no records, by file. */
  readonly badLines: readonly { readonly file: string; readonly count: number; readonly first: number }[];
}

export interface EventPage {
  readonly total: number;
  readonly matching: number;
  /** Newest first. */
  readonly events: readonly RunEvent[];
}

export interface MetricName {
  readonly metric: string;
  /** `system`: from `system.ndjson`. */
  readonly source: "metrics" | "system";
  readonly splits: readonly string[];
  /** How many of the asked runs have it. */
  readonly runs: number;
}

export type Axis = "step" | "time" | "clock";

export interface SeriesRequest {
  readonly runs: readonly string[];
  readonly metric: string;
  readonly source: "metrics" | "system";
  /** `time`: seconds since the run began; `clock`: seconds since 1970. */
  readonly axis: Axis;
  readonly logX: boolean;
  /** Null: from the first, or to the last point. */
  readonly from: number | null;
  readonly to: number | null;
  /** Pixels that the curve may use. */
  readonly width: number;
  /** Weight of the past in the moving average, from 0 (off) to 0.999. */
  readonly smoothing: number;
}

export interface Curve {
  readonly run: string;
  readonly split: string;
  readonly dataset: string | null;
  /** Points of the series in the range. */
  readonly count: number;
  /** Own positions; absent where the points are reduced to the common grid. */
  readonly x?: readonly number[];
  /** The value, or the mean of a cell. */
  readonly y: readonly (number | null)[];
  /** Least and greatest value of a cell; absent where nothing was reduced. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
  /** Moving average over all points, at the last one of each cell; absent without smoothing. */
  readonly smooth?: readonly (number | null)[];
  readonly last: { readonly step: number | null; readonly value: number };
}

export interface SeriesAnswer {
  /** Middle of each cell of the grid; empty where no curve was reduced. */
  readonly grid: readonly number[];
  readonly curves: readonly Curve[];
  /** Extent of all points on the axis, whatever the range asked for; null without points. */
  readonly domain: readonly [number, number] | null;
  /** Runs whose files are still being read: ask again on the next change. */
  readonly pending: readonly string[];
}

export interface SessionSummary {
  readonly id: string;
  readonly startedAt: string | null;
  readonly updatedAt: string | null;
  /** First thing that was said. */
  readonly title: string;
  readonly bytes: number;
  /** Null while the session goes on, or when its end was never written. */
  readonly exitCode: number | null;
  readonly ended: boolean;
}

export interface SessionList {
  readonly directory: string;
  readonly sessions: readonly SessionSummary[];
}

export interface SessionEvent {
  /** 1-based, in the file. */
  readonly line: number;
  readonly timestamp: string;
  readonly type: string;
  readonly role: string;
  readonly level: string;
  readonly message: string;
  readonly metadata: unknown;
}

export interface SessionPage {
  readonly id: string;
  readonly total: number;
  readonly matching: number;
  readonly offset: number;
  readonly events: readonly SessionEvent[];
  readonly badLines: number;
}

export interface SessionHit extends SessionEvent {
  readonly session: string;
}

export interface SessionSearch {
  readonly hits: readonly SessionHit[];
  /** The search ended before every file was read: there were enough hits, or the time was up. */
  readonly complete: boolean;
}

/** Data of a server-sent `change` event. */
export interface Change {
  /** Runs whose files grew, or whose reading went on. */
  readonly runs: readonly string[];
  /** Runs came or went. */
  readonly list: boolean;
  readonly sessions: boolean;
}

export interface Refusal {
  readonly error: { readonly code: string; readonly message: string };
}
