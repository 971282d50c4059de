import {
  type EventLevel,
  type LineLogOptions,
  openEventLog,
  openMetricLog,
  openSystemLog,
  type RunPaths,
} from "@codex/logging";
import { startSystemSampler } from "@codex/logging/system-metrics";
import type { MetricSink, TrainerState } from "@codex/training";
import type { CodexConfig } from "./configuration/schema.ts";
import type { PipelineEvent } from "./events.ts";

/**
 * What a run writes about itself while it goes on: `metrics.ndjson`, `metrics.csv`, `system.ndjson`, `events.ndjson`. No write holds
 * the run up, and a disk that refuses lines ends no run: they wait in memory until it takes them, and the user is told.
 */
export interface RunRecord extends AsyncDisposable {
  readonly metrics: MetricSink;
  /** Keeps an event. */
  event(event: PipelineEvent): void;
  log(name: string, data?: Readonly<Record<string, unknown>>): void;
  /** Takes the last sample of the machine: from here on only `event` and `log` write. */
  stopSampling(): Promise<void>;
  /** Everything so far is on the disk, if it takes anything. Called before a checkpoint is saved, so that resuming finds every step. */
  sync(): Promise<void>;
}

/** Every step has metrics of its own; these events would say the same again. */
const NOT_KEPT: ReadonlySet<PipelineEvent["type"]> = new Set(["step", "progress", "run"]);

interface Closable {
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param resumedAt - where the run goes on: what was recorded later is cut, since it comes again
 * @param onNotice - told of a disk that refuses lines, and of sources of system metrics that are missing
 */
export async function openRunRecord(
  run: RunPaths & { readonly runId: string },
  config: CodexConfig,
  resumedAt: Pick<TrainerState, "step" | "evaluatedAtStep"> | undefined,
  onNotice: (message: string) => void,
): Promise<RunRecord> {
  const { runId } = run;
  const { csv, systemMetrics } = config.logging;
  const files = { runId, ...lineLogOptions(config, onNotice) };
  const logs: Closable[] = [];
  const keep = <T extends Closable>(log: T): T => {
    logs.push(log);
    return log;
  };
  try {
    const events = keep(await openEventLog(run.events, files));
    const resumed =
      resumedAt === undefined ? {} : { resumeAtStep: resumedAt.step, evaluatedAtStep: resumedAt.evaluatedAtStep };
    const metrics = keep(await openMetricLog(run.directory, { ...files, csv, ...resumed }));
    const system = systemMetrics.enabled ? keep(await openSystemLog(run.system, files)) : undefined;
    let step = resumedAt?.step ?? 0;
    const sampler =
      system &&
      startSystemSampler({
        intervalSeconds: systemMetrics.intervalSeconds,
        gpu: systemMetrics.gpu,
        directory: run.directory,
        currentStep: () => step,
        sink: (values) => system.record(values),
        onNotice,
      });
    let open = true;
    const log = (name: string, data: Readonly<Record<string, unknown>> = {}, level: EventLevel = "info"): void => {
      // Nothing is awaited: a line is taken at once, and what its file has to say comes as a notice, or by `sync`.
      if (open) void events.log(name, data, level);
    };
    return {
      metrics: {
        metric(value) {
          step = value.step ?? step;
          return metrics.metric({ ...value, dataset: config.data.name });
        },
      },
      event(event) {
        if (NOT_KEPT.has(event.type)) return;
        const { type, ...data } = event;
        const name = type === "notice" && "code" in data ? String(data.code) : `training.${type}`;
        log(name, data as Record<string, unknown>, levelOf(type));
      },
      log,
      async stopSampling() {
        await sampler?.stop();
      },
      async sync() {
        for (const file of logs) await file.sync();
      },
      async [Symbol.asyncDispose]() {
        await sampler?.stop();
        open = false;
        for (const file of logs) await file.close();
      },
    };
  } catch (error) {
    for (const file of logs) await file.close().catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

function lineLogOptions({ logging }: CodexConfig, onNotice: (message: string) => void): LineLogOptions {
  const { maxSegmentMegabytes, maxSegmentHours } = logging;
  return {
    patience: { onNotice },
    ...(maxSegmentMegabytes === undefined ? {} : { maxSegmentBytes: maxSegmentMegabytes * 1e6 }),
    ...(maxSegmentHours === undefined ? {} : { maxSegmentAgeMs: maxSegmentHours * 3_600_000 }),
  };
}

function levelOf(type: PipelineEvent["type"]): EventLevel {
  if (type === "failure") return "error";
  return type === "warning" || type === "notice" ? "warning" : "info";
}
