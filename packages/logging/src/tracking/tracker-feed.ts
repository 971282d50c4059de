/** @module From the line files of a run to its trackers: beside the training loop, or afterwards. */
import { join, resolve } from "node:path";
import { redactValue } from "@codex/safety";
import { type DurableFs, makeDirectory, nodeFs } from "@codex/storage";
import { type RunManifest, readRunManifest } from "../run-manifest.ts";
import { FeedCursor, SOURCE_NAMES, type SourceName } from "./feed-cursor.ts";
import { openRecordSources } from "./record-sources.ts";
import type { TrackedArtifact, TrackedParams, TrackedRun, Tracker } from "./tracker.ts";
import { TrackerLane } from "./tracker-lane.ts";

export interface FeedNotice {
  readonly tracker: string;
  /** `behind` is told by `finish` only. */
  readonly kind: "failed" | "recovered" | "skipped" | "behind";
  readonly message: string;
}

export interface FeedOptions {
  readonly runDirectory: string;
  /** By name; a name also names the state of the tracker in the run directory. */
  readonly trackers: ReadonlyMap<string, Tracker>;
  /** The flattened configuration. Secrets in it are redacted. */
  readonly params: TrackedParams;
  /** Forget what was sent before: everything comes again. Default: false. */
  readonly restart?: boolean;
  readonly onNotice?: (notice: FeedNotice) => void;
  /** Pause between two looks at the files. Default: 2000. */
  readonly intervalMs?: number;
  /** How often `finish` tries what fails before it leaves the rest. Default: until its time is over. */
  readonly attempts?: number;
  readonly fs?: DurableFs;
}

export interface FeedResult {
  readonly tracker: string;
  /** Whether everything has been taken over. */
  readonly complete: boolean;
  /** Records that are left for a replay, those that cannot be told apart from sent ones included. */
  readonly left: number;
  /** The last failure, if the tracker has not recovered from it. */
  readonly error: unknown;
}

export interface TrackerFeed extends AsyncDisposable {
  /**
   * Sends what is left, and the end of the run if its events have one; then frees the trackers. Call it when everything is written.
   * @param timeoutMs - after that time what is left is left. Default: 10 000
   */
  finish(timeoutMs?: number): Promise<FeedResult[]>;
}

const FINISH_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2000;

/** Where a tracker keeps what it needs to go on in another process: `trackers/<name>/` of the run directory. */
export function trackerStateDirectory(runDirectory: string, name: string): string {
  return join(runDirectory, "trackers", name);
}

/**
 * Starts to feed trackers from a run directory. It never throws for a tracker, and it never waits for one but in `finish`.
 * One feed for a run directory: hold its lock. The caller calls `finish`, or disposes the feed to leave everything else for a replay.
 *
 * @throws {LoggingError} for a directory that is no run
 */
export async function openTrackerFeed(options: FeedOptions): Promise<TrackerFeed> {
  const { trackers, params, restart = false, onNotice, intervalMs = 2000, fs = nodeFs } = options;
  const { attempts = Number.POSITIVE_INFINITY } = options;
  const directory = resolve(options.runDirectory);
  const manifest = await readRunManifest(directory);
  const sources = openRecordSources(directory, fs);
  const fingerprint = (name: SourceName, end: number, length: number) => sources[name].fingerprint(end, length);
  const artifact = (name: string): TrackedArtifact => ({ path: join(directory, name), name });

  const lanes: { readonly name: string; readonly lane: TrackerLane; readonly cursor: FeedCursor }[] = [];
  for (const [name, tracker] of trackers) {
    const tell = (kind: FeedNotice["kind"], message: string) => onNotice?.({ tracker: name, kind, message });
    let cursor: FeedCursor;
    try {
      await makeDirectory(join(directory, "trackers"), { fs });
      const path = join(directory, "trackers", `${name}.json`);
      cursor = await FeedCursor.open(path, { fs, fingerprint, restart });
    } catch (error) {
      tell("failed", `${name}: ${messageOf(error)}. It gets nothing of this run; codex runs replay sends it later`);
      continue;
    }
    const run: TrackedRun = {
      runId: manifest.run_id,
      directory,
      createdAt: manifest.created_at,
      tags: tagsOf(manifest),
      resumed: cursor.resumed,
      restarted: restart,
    };
    const lane = new TrackerLane({
      tracker,
      cursor,
      sources,
      run,
      params: redactValue(params) as TrackedParams,
      artifacts: {
        atStart: ["config.yaml", "manifest.json"].map(artifact),
        atEnd: ["metrics.ndjson", "system.ndjson", "events.ndjson"].map(artifact),
      },
      intervalMs,
      attempts,
      onFailure(error) {
        if (error === undefined) return tell("recovered", `${name} takes records again`);
        tell("failed", `${name} (${tracker.destination}): ${messageOf(error)}. It is tried again; the run goes on`);
      },
      onSkipped: (file, lines) => tell("skipped", `${name}: ${file}: ${lines} lines are no records and were left out`),
    });
    lanes.push({ name, lane, cursor });
  }

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      for (const { lane } of lanes) lane.stop();
      const freed = [...trackers.values()].map((tracker) => withTimeout(closeTracker(tracker), CLOSE_TIMEOUT_MS));
      await Promise.all(freed);
      await Promise.all(lanes.map(({ lane }) => withTimeout(lane.done, CLOSE_TIMEOUT_MS)));
      for (const { cursor } of lanes) await cursor.close().catch(() => {}); // nothing is lost: see FeedCursor.save
      await sources[Symbol.asyncDispose]();
    })();
    return closing;
  };
  return {
    async finish(timeoutMs = FINISH_TIMEOUT_MS) {
      for (const { lane } of lanes) lane.end();
      await withTimeout(Promise.all(lanes.map(({ lane }) => lane.done)), timeoutMs);
      const results: FeedResult[] = [];
      for (const { name, lane, cursor } of lanes) {
        lane.stop();
        const { complete, error } = lane;
        let left = 0;
        if (!complete) for (const source of SOURCE_NAMES) left += await sources[source].count(cursor.position(source));
        if (!complete) {
          const why = error === undefined ? "it is slower than the run" : messageOf(error);
          const message = `${name} has not taken ${left} records: ${why}. They are in the run directory: codex runs replay ${directory} --to ${name}`;
          onNotice?.({ tracker: name, kind: "behind", message });
        }
        results.push({ tracker: name, complete, left, error });
      }
      await close();
      return results;
    },
    [Symbol.asyncDispose]: close,
  };
}

function tagsOf({ git, seeds, machine, command }: RunManifest): Record<string, string> {
  return {
    ...(git === null ? {} : { "git.commit": git.commit, "git.dirty": String(git.dirty) }),
    ...Object.fromEntries(Object.entries(seeds).map(([name, seed]) => [`seed.${name}`, String(seed)])),
    host: machine.hostname,
    command: command.join(" "),
  };
}

async function closeTracker(tracker: Tracker): Promise<void> {
  try {
    await tracker.close?.();
  } catch {
    // It was told what it failed at; there is nothing left to lose here.
  }
}

/** Waits, but not longer than that. */
async function withTimeout(work: Promise<unknown>, ms: number): Promise<void> {
  if (ms === Number.POSITIVE_INFINITY) return void (await work);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
