import { join, resolve } from "node:path";
import { type RunSummary, summarizeRun } from "@codex/logging";
import { exists } from "@codex/storage";
import type { CodexConfig } from "./configuration/schema.ts";
import type { PipelineObserver } from "./events.ts";
import { findRun } from "./run-tools/find-run.ts";

/** The run index of a folder of runs. The directories are the truth, this is a view of them. */
function indexPath(runsDirectory: string): string {
  return join(runsDirectory, "runs.db");
}

/** Puts what is known of a run now into the index. An index that cannot be written costs nobody a training run. */
export async function refreshRunIndex(
  config: CodexConfig,
  directory: string,
  runDirectory: string,
  onEvent: PipelineObserver,
): Promise<void> {
  if (!config.logging.index) return;
  try {
    const { openRunIndex } = await import("@codex/logging/sqlite");
    await using index = await openRunIndex(indexPath(resolve(directory, config.logging.runsDirectory)));
    await index.refresh(runDirectory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onEvent({ type: "notice", code: "index.failed", message: `the run index was not updated: ${reason}` });
  }
}

export interface RunListing {
  readonly runId: string;
  readonly directory: string;
  readonly status: RunSummary["status"];
  readonly createdAt: string;
  readonly step: number | null;
  /** Newest held-out loss, nats per target token. */
  readonly validationLossNats: number | undefined;
}

function listing(summary: RunSummary): RunListing {
  const { runId, directory, status, createdAt, step, metrics } = summary;
  const validationLossNats = metrics.find(({ split, metric }) => split === "validation" && metric === "loss")?.value;
  return { runId, directory, status, createdAt, step, validationLossNats };
}

/**
 * The runs of a folder, newest first. The index is brought in line with the directories first, so that it never tells of a run that is gone;
 * only those that changed since the last time are read.
 * @param options.limit - default: all
 * @param options.onNotice - told of each directory that cannot be read, and why
 */
export async function listRuns(
  runsDirectory = "runs",
  options: { readonly limit?: number; readonly onNotice?: (message: string) => void } = {},
): Promise<RunListing[]> {
  if (!(await exists(runsDirectory))) return [];
  const { openRunIndex, updateRunIndex } = await import("@codex/logging/sqlite");
  const { skipped } = await updateRunIndex(indexPath(runsDirectory), [runsDirectory]);
  for (const { directory, error } of skipped) options.onNotice?.(`${directory} is not listed: ${error.message}`);
  await using index = await openRunIndex(indexPath(runsDirectory));
  return (await index.listRuns({ limit: options.limit ?? Number.MAX_SAFE_INTEGER })).map(listing);
}

/**
 * All that is known of a run: what the index lists, the last value of each metric, and the manifest.
 * @param run - a run directory, or the id of a run in `runsDirectory`
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`
 */
export async function showRun(run: string, runsDirectory = "runs"): Promise<RunSummary> {
  return summarizeRun(await findRun(run, runsDirectory));
}
