/** @module What a run leaves behind: its directory, its manifest, its events, its metrics. */
export { LoggingError, type LoggingErrorCode } from "./errors.ts";
export {
  type EventLevel,
  type EventLog,
  type EventLogOptions,
  type EventRecord,
  openEventLog,
  type RunOutcome,
} from "./event-log.ts";
export { type GitState, readGitState } from "./git-state.ts";
export type { LineLogOptions } from "./line-log.ts";
export { type MetricLog, type MetricLogOptions, openMetricLog } from "./metric-log.ts";
export { CSV_HEADER, type MetricRecord, type MetricValue, toCsvLine } from "./metric-record.ts";
export { hashLockfile, type LockfileHash, readPackageVersions } from "./package-versions.ts";
export type { PatientLinesOptions } from "./patient-lines.ts";
export { type ReadMetricsOptions, readMetrics } from "./read-metrics.ts";
export { createRunDirectory, type RunDirectory, type RunPaths, runPaths } from "./run-directory.ts";
export {
  type CollectOptions,
  collectRunManifest,
  type DataChecksum,
  type MachineDescription,
  type RunManifest,
  readRunManifest,
  writeRunManifest,
} from "./run-manifest.ts";
export { type LatestMetric, type RunSummary, summarizeRun } from "./run-summary.ts";
export { openSystemLog, type SystemLog, type SystemLogOptions } from "./system-log.ts";
export { readTrackerProgress, type TrackerProgress } from "./tracking/feed-progress.ts";
export type {
  TrackedArtifact,
  TrackedOutcome,
  TrackedParams,
  TrackedRun,
  TrackedText,
  Tracker,
  TrackerStatus,
} from "./tracking/tracker.ts";
export {
  type FeedNotice,
  type FeedOptions,
  type FeedResult,
  openTrackerFeed,
  type TrackerFeed,
  trackerStateDirectory,
} from "./tracking/tracker-feed.ts";
