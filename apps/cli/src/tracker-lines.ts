import type { RunStatus, TrackersEvent } from "@codex/pipeline";
import { table } from "./terminal.ts";

/** One line a tracker: whether it is on, where its data goes, or why it goes nowhere. */
export function trackerLines(trackers: TrackersEvent["trackers"] | RunStatus["trackers"]): string[] {
  if (trackers.length === 0) return [];
  const rows = trackers.map((tracker) => [
    tracker.name,
    tracker.status,
    tracker.destination ?? tracker.reason ?? "",
    ...("progress" in tracker && tracker.progress !== undefined ? [progress(tracker.progress)] : []),
  ]);
  return table(rows).split("\n");
}

function progress({ left, finished }: { left: number; finished: boolean }): string {
  if (left > 0) return `${left} records left`;
  return finished ? "everything sent, the end too" : "everything sent";
}
