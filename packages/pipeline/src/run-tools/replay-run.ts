/** What a run left behind, sent to trackers afterwards: the same feed as beside the loop. */
import { resolve } from "node:path";
import { formatOverrideValue, parseOverride } from "@codex/config";
import { openTrackerFeed, readRunManifest, runPaths } from "@codex/logging";
import { acquireLock } from "@codex/storage";
import { loadConfiguration } from "../configuration/load.ts";
import type { NamedOptions } from "../configuration/schema.ts";
import { PipelineError } from "../errors.ts";
import type { PipelineObserver } from "../events.ts";
import { openTrackers, trackedParams } from "../trackers.ts";
import { findRun } from "./find-run.ts";

export interface ReplayRequest {
  /** A run directory, or the id of a run in `runsDirectory`. */
  readonly run: string;
  /** Name of the tracker: one of those that the run was configured with goes on where it stopped, with the options it had. */
  readonly to: string;
  /** Options of the tracker that are to be others than those of the run, or than the defaults: `uri=http://127.0.0.1:5000`. */
  readonly options?: readonly string[];
  /** Send everything again, also what was sent before. Default: false. */
  readonly restart?: boolean;
  /** Default: `runs`. */
  readonly runsDirectory?: string;
  /** The project whose plugins are known. Default: the working directory. */
  readonly directory?: string;
  readonly onEvent?: PipelineObserver;
}

export interface ReplayResult {
  readonly runId: string;
  readonly tracker: string;
  readonly destination: string;
  /** Whether the tracker has taken everything. */
  readonly complete: boolean;
  /** Records that are left. */
  readonly left: number;
  /** Why, if it is not complete. */
  readonly error: string | undefined;
}

/** How often a call that fails is made before the rest is left. */
const ATTEMPTS = 5;

/**
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`, `PIPELINE_TRACKER_OFF`
 * @throws {LockedError} while the run goes on: its own feed is at work
 */
export async function replayRun(request: ReplayRequest): Promise<ReplayResult> {
  const { run, to, options = [], restart = false, runsDirectory, directory = process.cwd(), onEvent } = request;
  const runDirectory = resolve(await findRun(run, runsDirectory));
  const { run_id: runId } = await readRunManifest(runDirectory);
  using _lock = await acquireLock(runDirectory);
  const saved = await loadConfiguration({ config: runPaths(runDirectory).config, directory });
  const configured = saved.value.tracking.trackers.find(({ name }) => name === to);
  const changed = Object.fromEntries(options.map(parseOverride).map(({ key, value }) => [key, value]));
  const chosen: NamedOptions = { ...configured, ...changed, name: to };
  // Once more through the schema: the tracker may be another than those of the run, and its options new.
  const { value, registries } = await loadConfiguration({
    config: runPaths(runDirectory).config,
    overrides: [`tracking.trackers=${formatOverrideValue([chosen] as never)}`],
    directory,
  });
  const notice = (code: "tracker.notice", message: string) => onEvent?.({ type: "notice", code, message });
  const { trackers, statuses } = await openTrackers(value.tracking.trackers, registries, {
    runId,
    runDirectory,
    mode: "replay",
    onNotice: (message) => notice("tracker.notice", message),
  });
  const [status] = statuses;
  if (status?.destination == null) {
    throw new PipelineError(
      "PIPELINE_TRACKER_OFF",
      `${to}: expected a tracker to replay to, it is off: ${status?.reason}`,
    );
  }
  await using feed = await openTrackerFeed({
    runDirectory,
    trackers,
    params: trackedParams(saved.value),
    restart,
    attempts: ATTEMPTS,
    onNotice: ({ kind, message }) => onEvent?.({ type: "notice", code: `tracker.${kind}`, message }),
  });
  const [result] = await feed.finish(Number.POSITIVE_INFINITY);
  const { error } = result ?? {};
  return {
    runId,
    tracker: to,
    destination: status.destination,
    complete: result?.complete ?? false,
    left: result?.left ?? 0,
    error: error === undefined ? undefined : error instanceof Error ? error.message : String(error),
  };
}
