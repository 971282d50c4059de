import type { TrackerStatus } from "@codex/logging";
import type { TrainingEvent } from "@codex/training";

/** The run directory exists and is locked by this process. */
export interface RunEvent {
  readonly type: "run";
  readonly runId: string;
  readonly directory: string;
}

/** A stage before or after the training loop, as one line for a person. */
export interface StageEvent {
  readonly type: "stage";
  readonly stage: "device" | "data" | "tokenizer" | "tokens" | "model" | "report";
  readonly message: string;
}

/** Before the first step: which trackers take part in the run, and why the others do not. */
export interface TrackersEvent {
  readonly type: "trackers";
  readonly trackers: readonly TrackerStatus[];
}

/** Something that a person must see although the run goes on. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly code:
    | "checkpoint.fallback"
    | "drift.allowed"
    | "device.nondeterministic"
    | "index.failed"
    | "observer.failed"
    | "profile.written"
    | "records.notice"
    | "tracker.failed"
    | "tracker.recovered"
    | "tracker.skipped"
    | "tracker.behind"
    | "tracker.notice";
  readonly message: string;
}

/** What `train` and `resume` tell about themselves: the training loop's events, and those of the pipeline around it. */
export type PipelineEvent = TrainingEvent | RunEvent | StageEvent | NoticeEvent | TrackersEvent;

export type PipelineObserver = (event: PipelineEvent) => void;
