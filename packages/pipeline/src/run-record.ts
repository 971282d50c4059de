import { openEventLog, openMetricLog, type RunPaths } from "@codex/logging";
import type { MetricSink, TrainerState } from "@codex/training";
import type { CodexConfig } from "./configuration/schema.ts";
import type { PipelineEvent } from "./events.ts";

/** What a run writes about itself while it goes on: `metrics.ndjson`, `metrics.csv` and `events.ndjson`. */
export interface RunRecord extends AsyncDisposable {
  readonly metrics: MetricSink;
  /** Keeps an event; a write that fails is told by the next `sync`. */
  event(event: PipelineEvent): void;
  log(name: string, data?: Readonly<Record<string, unknown>>): void;
  /** Everything so far is on the disk. Called before a checkpoint is saved, so that resuming finds every step. */
  sync(): Promise<void>;
}

/** Every step has metrics of its own; these events would say the same again. */
const NOT_KEPT: ReadonlySet<PipelineEvent["type"]> = new Set(["step", "progress", "run"]);

/** @param resumedAt - where the run goes on: what was recorded later is cut, since it comes again */
export async function openRunRecord(
  run: RunPaths & { readonly runId: string },
  config: CodexConfig,
  resumedAt: Pick<TrainerState, "step" | "evaluatedAtStep"> | undefined,
): Promise<RunRecord> {
  const events = await openEventLog(run.events, { runId: run.runId });
  const metrics = await openMetricLog(run.directory, {
    runId: run.runId,
    csv: config.logging.csv,
    ...(resumedAt === undefined ? {} : { resumeAtStep: resumedAt.step, evaluatedAtStep: resumedAt.evaluatedAtStep }),
  }).catch(async (error: unknown) => {
    await events.close().catch(() => {}); // the first error is the one to tell
    throw error;
  });

  let pending: Promise<void> = Promise.resolve();
  const log = (
    name: string,
    data: Readonly<Record<string, unknown>> = {},
    level: "info" | "warning" | "error" = "info",
  ): void => {
    pending = pending.then(() => events.log(name, data, level));
    pending.catch(() => {}); // told by `sync`
  };
  return {
    metrics: {
      metric: (value) => metrics.metric({ ...value, dataset: config.data.name }),
    },
    event(event) {
      if (NOT_KEPT.has(event.type)) return;
      const { type, ...data } = event;
      const name = type === "notice" && "code" in data ? String(data.code) : `training.${type}`;
      log(
        name,
        data as Record<string, unknown>,
        type === "failure" ? "error" : type === "warning" || type === "notice" ? "warning" : "info",
      );
    },
    log,
    async sync() {
      await pending;
      await events.sync();
      await metrics.sync();
    },
    async [Symbol.asyncDispose]() {
      await pending.catch(() => {});
      for (const open of [metrics, events]) await open.close();
    },
  };
}
