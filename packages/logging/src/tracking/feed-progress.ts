import { join } from "node:path";
import { type DurableFs, nodeFs } from "@codex/storage";
import { readCursor, SOURCE_NAMES } from "./feed-cursor.ts";
import { openRecordSources } from "./record-sources.ts";

/** How far a tracker has come with a run. */
export interface TrackerProgress {
  /** Records of the run directory that it has not taken yet. */
  readonly left: number;
  /** Whether it knows how the run ended. */
  readonly finished: boolean;
}

/** Reads, without disturbing a feed at work, what a tracker has taken; of one that was never fed, everything is left. */
export async function readTrackerProgress(
  runDirectory: string,
  name: string,
  { fs = nodeFs }: { fs?: DurableFs } = {},
): Promise<TrackerProgress> {
  const cursor = await readCursor(join(runDirectory, "trackers", `${name}.json`));
  await using sources = openRecordSources(runDirectory, fs);
  let left = 0;
  for (const source of SOURCE_NAMES) left += await sources[source].count(cursor?.sources[source].bytes ?? 0);
  return { left, finished: cursor?.finished ?? false };
}
