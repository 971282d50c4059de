/** How a run and its trackers are, from what lies in its directory. */
import { join } from "node:path";
import {
  type LatestMetric,
  readTrackerProgress,
  summarizeRun,
  type TrackerProgress,
  type TrackerStatus,
} from "@codex/logging";
import { listRuns } from "../run-index.ts";
import { findRun } from "./find-run.ts";

export interface RunStatus {
  readonly runId: string;
  readonly directory: string;
  readonly status: "completed" | "interrupted" | "failed" | "unfinished";
  readonly createdAt: string;
  readonly step: number | null;
  readonly metrics: readonly LatestMetric[];
  /** As the run said at its start; `progress` of those that are on. */
  readonly trackers: readonly (TrackerStatus & { readonly progress: TrackerProgress | undefined })[];
}

/**
 * @param options.run - a run directory, or the id of a run in `runsDirectory`. Default: the newest one
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`
 */
export async function runStatus({
  run,
  runsDirectory = "runs",
}: {
  run?: string;
  runsDirectory?: string;
} = {}): Promise<RunStatus> {
  const newest = run ?? (await listRuns(runsDirectory, { limit: 1 }))[0]?.directory ?? join(runsDirectory, "<run-id>");
  const summary = await summarizeRun(await findRun(newest, runsDirectory));
  const { runId, directory, status, createdAt, step, metrics, manifest } = summary;
  const said = (manifest.details["trackers"] ?? []) as readonly TrackerStatus[];
  const trackers = await Promise.all(
    said.map(async (tracker) => ({
      ...tracker,
      progress: tracker.status === "on" ? await readTrackerProgress(directory, tracker.name) : undefined,
    })),
  );
  return { runId, directory, status, createdAt, step, metrics, trackers };
}
