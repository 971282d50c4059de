import { LoggingError } from "../errors.ts";
import type { MetricRecord } from "../metric-record.ts";
import type { TrackerContext } from "../registry.ts";
import type {
  TrackedArtifact,
  TrackedOutcome,
  TrackedParams,
  TrackedRun,
  TrackedText,
  Tracker,
} from "../tracking/tracker.ts";
import { keyValues, type Metric, metricBatches, mlflowName, PARAM_LENGTH, paramBatches, TAG_LENGTH } from "./limits.ts";
import type { FileSource, MlflowStore, StoredRun } from "./mlflow-store.ts";
import { hasEnded } from "./run-end.ts";

const STATUS = { completed: "FINISHED", interrupted: "KILLED", failed: "FAILED" } as const;

/**
 * One run of MLflow for a run, resumed, replayed or not. What a process that was killed has sent without noting it, or what was sent without an
 * answer, is there already when it comes again: MLflow is asked for what it has, and gets the rest.
 */
export class MlflowTracker implements Tracker {
  readonly destination: string;
  readonly #store: MlflowStore;
  readonly #context: Pick<TrackerContext, "mode" | "onNotice" | "runDirectory">;
  #run: TrackedRun | undefined;
  /** Whether what a restart forgets has been taken away. */
  #removed = false;
  /** What MLflow had when it was asked; `undefined` when that is not known, as after a call without an answer. */
  #stored: (StoredRun & { readonly latest: Map<string, { step: number; timestamp: number }> }) | undefined;
  /** By metric: when its newest value was measured, as far as MLflow was asked. */
  #newest = new Map<string, number>();
  #toldOfFiles = false;

  constructor(
    destination: string,
    store: MlflowStore,
    context: Pick<TrackerContext, "mode" | "onNotice" | "runDirectory">,
  ) {
    this.destination = destination;
    this.#store = store;
    this.#context = context;
  }

  async start(run: TrackedRun): Promise<void> {
    if (this.#run !== undefined) return;
    if (run.restarted && !this.#removed) await this.#store.remove(run);
    this.#removed = true;
    let stored = await this.#store.find(run);
    if (stored === undefined && run.resumed) throw missing(run);
    stored ??= await this.#store.create(run, tagsOf(run));
    if (this.#context.mode === "live") {
      if (stored.status !== "RUNNING") await this.#store.update("RUNNING", null);
    } else if (stored.status === "RUNNING") {
      // The lock of the run is ours, so that a run without an end has been killed.
      const { ended, lastTime } = await hasEnded(run.directory);
      if (!ended) await this.#store.update("KILLED", lastTime ?? Date.parse(run.createdAt));
    }
    this.#take(stored);
    this.#run = run;
  }

  async logParams(params: TrackedParams): Promise<void> {
    const stored = await this.#known();
    const values = keyValues(params, PARAM_LENGTH);
    const changed = values.filter(({ key, value }) => (stored.params.get(key) ?? value) !== value);
    if (changed.length > 0) {
      const names = changed.map(({ key }) => key).join(", ");
      this.#context.onNotice(`mlflow: parameters cannot be changed there, and stay as they were: ${names}`);
    }
    const fresh = values.filter(({ key }) => !stored.params.has(key));
    await this.#call(async () => {
      for (const batch of paramBatches(fresh)) await this.#store.logBatch(batch);
    });
  }

  async logMetrics(records: readonly MetricRecord[], source: "metrics" | "system"): Promise<void> {
    const stored = await this.#known();
    const metrics: Metric[] = [];
    const times = new Map<string, number>();
    for (const record of records) {
      const { split, metric, value, step, timestamp } = record;
      const name =
        source === "system" ? (metric.startsWith("system/") ? metric : `system/${metric}`) : `${split}/${metric}`;
      const sent = { key: mlflowName(name), value, timestamp: Date.parse(timestamp), step: step ?? 0 };
      const byTime = source === "system" || step === null;
      if (!(await this.#isNew(sent, stored, byTime))) continue;
      metrics.push(sent);
      if (byTime) times.set(sent.key, sent.timestamp);
    }
    await this.#call(async () => {
      for (const batch of metricBatches(metrics)) await this.#store.logBatch(batch);
    });
    for (const metric of metrics) {
      const latest = stored.latest.get(metric.key);
      if (latest === undefined || metric.step >= latest.step) stored.latest.set(metric.key, metric);
    }
    for (const [key, time] of times) this.#newest.set(key, time);
  }

  async logText({ tag, step, text }: TrackedText): Promise<void> {
    const name = step === null ? `${tag}.txt` : `${tag}s/step-${String(step).padStart(8, "0")}.txt`;
    await this.#putFile(name, { text });
  }

  async logArtifact({ path, name }: TrackedArtifact): Promise<void> {
    await this.#putFile(name, { path });
  }

  async finish({ status, timestamp }: TrackedOutcome): Promise<void> {
    await this.#known();
    await this.#call(() => this.#store.update(STATUS[status], Date.parse(timestamp)));
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  /** Values of a metric come in the order of their steps, those of the machine in the order of their times. */
  async #isNew({ key, step, timestamp }: Metric, stored: StoredRun, byTime: boolean): Promise<boolean> {
    const latest = stored.latest.get(key);
    if (latest === undefined) return true;
    if (!byTime) return step > latest.step;
    const newest = this.#newest.get(key) ?? (await this.#store.newestTime(key)) ?? latest.timestamp;
    this.#newest.set(key, newest);
    return timestamp > newest;
  }

  async #putFile(name: string, source: FileSource): Promise<void> {
    await this.#known();
    const refused = await this.#call(() => this.#store.putFile(name, source));
    if (refused === undefined || this.#toldOfFiles) return;
    this.#toldOfFiles = true;
    this.#context.onNotice(`mlflow: ${refused}. Samples and files stay in the run directory`);
  }

  async #known() {
    if (this.#stored !== undefined) return this.#stored;
    const run = this.#run as TrackedRun;
    const stored = await this.#store.find(run);
    if (stored === undefined) throw missing(run);
    return this.#take(stored);
  }

  #take(stored: StoredRun) {
    this.#stored = { ...stored, latest: new Map(stored.latest) };
    this.#newest = new Map();
    return this.#stored;
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.#stored = undefined; // some of it may have arrived
      throw error;
    }
  }
}

function missing({ runId }: TrackedRun): LoggingError {
  return new LoggingError(
    "LOGGING_TRACKER_REFUSED",
    `expected the run ${runId}, of which a part was sent before, there is none: it was deleted, or went to another server or experiment. ` +
      `codex runs replay ${runId} --to mlflow --restart sends all of it`,
  );
}

/** What MLflow's page shows of a run, by the names it looks for. */
function tagsOf({ tags }: TrackedRun) {
  const { command, "git.commit": commit, ...rest } = tags;
  return keyValues(
    {
      ...rest,
      "mlflow.source.type": "LOCAL",
      ...(command === undefined ? {} : { "mlflow.source.name": command }),
      ...(commit === undefined ? {} : { "mlflow.source.git.commit": commit }),
    },
    TAG_LENGTH,
  );
}
