/** @module Traces and metrics for OpenTelemetry: the tracker `opentelemetry`. Needs `@opentelemetry/api`, and an SDK that the process has registered. */

import type { RegistryEntry } from "@codex/registry";
import type { Attributes, Gauge, Span } from "@opentelemetry/api";
import { LoggingError } from "./errors.ts";
import type { CreateTracker } from "./registry.ts";
import type { TrackedRun, Tracker } from "./tracking/tracker.ts";

type Api = typeof import("@opentelemetry/api");

const SCOPE = "codex";

/** A gauge for each metric (`codex.train.loss`), and one span over the run, with an event for each sample. */
class OpenTelemetryTracker implements Tracker {
  readonly destination = "the OpenTelemetry SDK of this process";
  readonly #api: Api;
  readonly #gauges = new Map<string, Gauge>();
  #span: Span | undefined;
  #run: Attributes = {};

  constructor(api: Api) {
    this.#api = api;
  }

  async start({ runId, tags, resumed }: TrackedRun): Promise<void> {
    this.#run = { "codex.run.id": runId };
    const attributes = Object.fromEntries(Object.entries(tags).map(([key, value]) => [`codex.${key}`, value]));
    this.#span ??= this.#api.trace
      .getTracer(SCOPE)
      .startSpan("codex.train", { attributes: { ...this.#run, ...attributes, "codex.run.resumed": resumed } });
  }

  async logParams(params: Parameters<Tracker["logParams"]>[0]): Promise<void> {
    for (const [key, value] of Object.entries(params)) this.#span?.setAttribute(`codex.config.${key}`, value);
  }

  async logMetrics(records: Parameters<Tracker["logMetrics"]>[0], source: "metrics" | "system"): Promise<void> {
    for (const { split, metric, value, dataset } of records) {
      const attributes = dataset === null ? this.#run : { ...this.#run, "codex.dataset": dataset };
      this.#gauge(`codex.${source === "system" ? "system" : split}.${metric}`).record(value, attributes);
    }
  }

  #gauge(name: string): Gauge {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = this.#api.metrics.getMeter(SCOPE).createGauge(name.replace(/[^\w./-]/g, "_").slice(0, 255));
      this.#gauges.set(name, gauge);
    }
    return gauge;
  }

  async logText({ tag, step, text, timestamp }: Parameters<Tracker["logText"]>[0]): Promise<void> {
    const at = step === null ? {} : { "codex.step": step };
    this.#span?.addEvent(`codex.${tag}`, { ...at, "codex.text": text }, new Date(timestamp));
  }

  /** A trace has no place for files. */
  async logArtifact(): Promise<void> {}

  async finish({ status, timestamp }: Parameters<Tracker["finish"]>[0]): Promise<void> {
    this.#span?.setAttribute("codex.run.status", status);
    if (status === "failed") this.#span?.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    this.#span?.end(new Date(timestamp));
    this.#span = undefined;
  }

  async close(): Promise<void> {
    this.#span?.end();
    this.#span = undefined;
  }
}

/** Whether a span that is started now goes anywhere, or a metric. */
function isRegistered({ trace, metrics, isSpanContextValid, createNoopMeter }: Api): boolean {
  const probe = trace.getTracer(SCOPE).startSpan("codex.probe");
  const traced = isSpanContextValid(probe.spanContext()); // never ended: nothing is exported
  return traced || metrics.getMeter(SCOPE).constructor !== createNoopMeter().constructor;
}

export const opentelemetry = {
  async create(_options: Readonly<Record<never, never>>, { mode }): Promise<Tracker> {
    if (mode === "replay")
      throw new LoggingError("LOGGING_REPLAY_UNSUITABLE", "opentelemetry is told while a run goes on: it has no past");
    const api = await import("@opentelemetry/api").catch((cause: unknown) => {
      throw new LoggingError("LOGGING_PACKAGE_MISSING", "opentelemetry needs the package @opentelemetry/api", {
        cause,
        help: "npm install @opentelemetry/api, and an SDK.",
      });
    });
    if (!isRegistered(api))
      throw new LoggingError("LOGGING_PACKAGE_MISSING", "no OpenTelemetry SDK is registered in this process", {
        help: "Register one before: NODE_OPTIONS='--import ./telemetry.mjs' codex train ...",
      });
    return new OpenTelemetryTracker(api);
  },
  configSchema: {
    type: "object",
    description: "Gauges and a span for the OpenTelemetry SDK that the process has registered.",
    properties: {},
    additionalProperties: false,
  },
} satisfies RegistryEntry<CreateTracker>;
