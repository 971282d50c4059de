/** @module The kind `trackers` of `@codex/registry`. */
import type { RegistryEntry } from "@codex/registry";
import type { Tracker } from "./tracking/tracker.ts";

export type {
  TrackedArtifact,
  TrackedOutcome,
  TrackedParams,
  TrackedRun,
  TrackedText,
  Tracker,
  TrackerStatus,
} from "./tracking/tracker.ts";

export interface TrackerContext {
  readonly runId: string;
  /** Absolute path. */
  readonly runDirectory: string;
  /** A folder of this tracker alone, `trackers/<name>/` of the run directory: for its files, and what it needs to go on later. It need not exist yet. */
  readonly stateDirectory: string;
  /** `replay`: the run is over, and what it left is sent. */
  readonly mode: "live" | "replay";
  /** Tells the user something. For a call that fails it is enough to reject. */
  readonly onNotice: (message: string) => void;
}

/**
 * Makes a tracker without asking the network: a server that is away is a matter of `start`. What it throws switches the tracker off for
 * this run, with that message as the reason.
 */
export type CreateTracker = (options: never, context: TrackerContext) => Tracker | Promise<Tracker>;

declare module "@codex/registry" {
  interface RegistryKinds {
    trackers: RegistryEntry<CreateTracker>;
  }
}
