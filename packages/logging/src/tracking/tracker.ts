/** What a tracker is: a place outside of the run directory that the numbers of a run are copied to. */
import type { RunOutcome } from "../event-log.ts";
import type { MetricRecord } from "../metric-record.ts";

/**
 * A view of a run elsewhere: event files, a server, an endpoint. It is fed from the run's own line files, never by the training
 * loop, so it may be slow and it may fail.
 *
 * Calls come one at a time. One that resolves has been taken over: the feed goes on behind it. One that rejects comes again,
 * after growing pauses. A process that is killed between the two gives the same again to the next one, so that each call has to
 * bear being repeated.
 */
export interface Tracker {
  /** Where the data goes, for people: a path, an address. */
  readonly destination: string;
  /** The first call of each process: of a new run, of one that is resumed, of a replay. */
  start(run: TrackedRun): Promise<void>;
  /** The configuration, flattened: `training.maxSteps`. Once a run. */
  logParams(params: TrackedParams): Promise<void>;
  /**
   * Records in the order of their file. Those of `metrics` ascend in `step` within each series (split, metric, dataset), those of
   * `system` in `timestamp`.
   */
  logMetrics(records: readonly MetricRecord[], source: "metrics" | "system"): Promise<void>;
  /** What the model wrote: a sample during training, the completion at the end. */
  logText(text: TrackedText): Promise<void>;
  /** A file of the run directory. What grows during a run comes at its end, and again at the end of a resumed one. */
  logArtifact(artifact: TrackedArtifact): Promise<void>;
  /** The run has ended. A resumed run starts again after it. */
  finish(outcome: TrackedOutcome): Promise<void>;
  /**
   * Frees what is held. The last call of each process, whether the run has ended or not; where the feed gives up waiting it comes while
   * another call is under way, and should end that one.
   */
  close?(): Promise<void>;
}

export type TrackedParams = Readonly<Record<string, string | number | boolean>>;

export interface TrackedRun {
  readonly runId: string;
  /** Absolute path. */
  readonly directory: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** What to find the run by: git commit, seed, device. */
  readonly tags: Readonly<Record<string, string>>;
  /** Whether this tracker has been given a part of the run before. */
  readonly resumed: boolean;
  /** What was given before is to be forgotten: everything comes again. */
  readonly restarted: boolean;
}

export interface TrackedText {
  /** `sample`, `completion` */
  readonly tag: string;
  readonly step: number | null;
  readonly text: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

export interface TrackedArtifact {
  /** Absolute path of a file. */
  readonly path: string;
  /** Its path in the run directory. */
  readonly name: string;
}

export interface TrackedOutcome extends RunOutcome {
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

/** Whether a tracker takes part in a run. */
export interface TrackerStatus {
  readonly name: string;
  readonly status: "on" | "off";
  /** Null for one that is off. */
  readonly destination: string | null;
  /** Why it is off; null for one that is on. */
  readonly reason: string | null;
}
