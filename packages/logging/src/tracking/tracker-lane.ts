/** One tracker and the files that it follows. It goes at its own pace: a lane waits for nobody, and nobody waits for a lane. */
import { exists } from "@codex/storage";
import type { EventRecord, RunOutcome } from "../event-log.ts";
import type { MetricRecord } from "../metric-record.ts";
import type { FeedCursor, Moment } from "./feed-cursor.ts";
import type { RecordSources } from "./record-sources.ts";
import type { TrackedArtifact, TrackedParams, TrackedRun, TrackedText, Tracker } from "./tracker.ts";

export interface LaneOptions {
  readonly tracker: Tracker;
  readonly cursor: FeedCursor;
  readonly sources: RecordSources;
  readonly run: TrackedRun;
  readonly params: TrackedParams;
  /** What is there from the start, and what is whole at the end only. */
  readonly artifacts: { readonly atStart: readonly TrackedArtifact[]; readonly atEnd: readonly TrackedArtifact[] };
  /** Pause between two looks at the files. */
  readonly intervalMs: number;
  /** While somebody waits for the end: after so many failures in a row the rest is left. */
  readonly attempts: number;
  /** Called with the first failure of a row, and with `undefined` when it is over. */
  readonly onFailure: (error: unknown) => void;
  readonly onSkipped: (path: string, lines: number) => void;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** While somebody waits for the end. */
const LONGEST_FINAL_PAUSE_MS = 500;

export class TrackerLane {
  readonly #options: LaneOptions;
  #started = false;
  #failures = 0;
  #ending = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  /** Resolves when everything has been taken over, when it gives up, or after `stop`. It never rejects. */
  readonly done: Promise<void>;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.done = this.#run();
  }

  /** The last failure, as long as it has not been followed by a success. */
  error: unknown;
  /** Whether everything up to the end of the run has been taken over. */
  complete = false;

  /** Nothing more is written: what is there is sent, and then the end. */
  end(): void {
    this.#ending = true;
    this.#wake?.();
  }

  /** No further call. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { intervalMs } = this.#options;
    while (!this.#stopped) {
      try {
        const ending = this.#ending; // before reading: what came until then is in the files
        await this.#advance();
        this.#recovered();
        if (ending) {
          await this.#finish();
          this.complete = true;
          return;
        }
        if (!this.#ending) await this.#pause(intervalMs); // `end` may have come while files were read
      } catch (error) {
        this.#failed(error);
        if (this.#ending && this.#failures >= this.#options.attempts) return;
        const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
        await this.#pause(this.#ending ? Math.min(pause, LONGEST_FINAL_PAUSE_MS) : pause);
      }
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.error = error;
    if (this.#failures === 1 && !this.#stopped) this.#options.onFailure(error);
  }

  #recovered(): void {
    if (this.#failures > 0) this.#options.onFailure(undefined);
    this.#failures = 0;
    this.error = undefined;
  }

  /** Sends all that there is. */
  async #advance(): Promise<void> {
    const { tracker, cursor, run, params, artifacts } = this.#options;
    if (!this.#started) {
      await tracker.start(run);
      this.#started = true;
    }
    if (!cursor.params) {
      await tracker.logParams(params);
      await this.#sendArtifacts(artifacts.atStart);
      cursor.params = true;
      await this.#save();
    }
    // One after the other: a tracker is asked for one thing at a time.
    while (await this.#sendMetrics("metrics"));
    while (await this.#sendMetrics("system"));
    while (await this.#sendTexts());
  }

  /** @returns whether there was something; there may be more */
  async #sendMetrics(name: "metrics" | "system"): Promise<boolean> {
    const { tracker, cursor, sources } = this.#options;
    const source = sources[name];
    const start = cursor.position(name);
    const { records, end, skipped } = await source.read(start);
    if (end === start || this.#stopped) return false;
    const order = name === "metrics" ? "step" : "time";
    const fresh: MetricRecord[] = [];
    const newest = new Map<string, Moment>(); // noted when the tracker has them: a batch that fails comes again
    for (const { record } of records) {
      const series = seriesOf(record, name);
      if (!cursor.isNew(series, record, order, newest.get(series))) continue;
      newest.set(series, record);
      fresh.push(record);
    }
    if (fresh.length > 0) await tracker.logMetrics(fresh, name);
    for (const [series, moment] of newest) cursor.sent(series, moment);
    cursor.move(name, end);
    await this.#save();
    if (skipped > 0) this.#options.onSkipped(source.path, skipped);
    return true;
  }

  async #sendTexts(): Promise<boolean> {
    const { tracker, cursor, sources } = this.#options;
    const start = cursor.position("events");
    const { records, end, skipped } = await sources.events.read(start);
    if (end === start || this.#stopped) return false;
    for (const { record, end: behind } of records) {
      const text = textOf(record);
      const series = `text ${text?.tag}`;
      if (text !== undefined && cursor.isNew(series, text)) {
        await tracker.logText(text);
        cursor.sent(series, text);
      }
      const outcome = outcomeOf(record);
      if (outcome !== undefined) {
        cursor.outcome = outcome === "open" ? null : { ...outcome, timestamp: record.timestamp };
        cursor.finished = false;
      }
      cursor.move("events", behind);
    }
    cursor.move("events", end);
    await this.#save();
    if (skipped > 0) this.#options.onSkipped(sources.events.path, skipped);
    return true;
  }

  async #finish(): Promise<void> {
    const { tracker, cursor, artifacts } = this.#options;
    if (cursor.outcome === null || cursor.finished) return;
    await this.#sendArtifacts(artifacts.atEnd);
    await tracker.finish(cursor.outcome);
    cursor.finished = true;
    await this.#save();
  }

  async #sendArtifacts(artifacts: readonly TrackedArtifact[]): Promise<void> {
    for (const artifact of artifacts) {
      if (await exists(artifact.path)) await this.#options.tracker.logArtifact(artifact);
    }
  }

  /** After `stop` the cursor belongs to nobody: a call that hung and resolves late is sent again by a replay. */
  async #save(): Promise<void> {
    if (!this.#stopped) await this.#options.cursor.save();
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (!this.#ending) timer.unref(); // a feed keeps no process alive, but whoever waits for its end does
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function seriesOf({ split, metric, dataset }: MetricRecord, source: string): string {
  return `${source} ${split} ${metric} ${dataset ?? ""}`;
}

function textOf({ event, data, timestamp }: EventRecord): TrackedText | undefined {
  const step = typeof data["step"] === "number" ? data["step"] : null;
  if (event === "training.sample" && typeof data["text"] === "string")
    return { tag: "sample", step, text: data["text"], timestamp };
  if (event === "run.finished" && typeof data["completion"] === "string")
    return { tag: "completion", step, text: data["completion"], timestamp };
  return undefined;
}

function outcomeOf({ event, data }: EventRecord): RunOutcome | "open" | undefined {
  if (event === "run.started" || event === "run.resumed") return "open";
  return event === "run.finished" ? { status: data["status"] as RunOutcome["status"] } : undefined;
}
