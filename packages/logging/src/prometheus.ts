/** @module An endpoint for Prometheus: the tracker `prometheus` beside a run, and a server over a folder of runs. */
import type { RegistryEntry } from "@codex/registry";
import { LoggingError } from "./errors.ts";
import { type MetricsEndpoint, serveMetrics } from "./prometheus/metrics-endpoint.ts";
import { RunMetrics } from "./prometheus/run-metrics.ts";
import { RunsCollector } from "./prometheus/runs-collector.ts";
import type { CreateTracker } from "./registry.ts";
import type { Tracker } from "./tracking/tracker.ts";

export type { MetricsEndpoint } from "./prometheus/metrics-endpoint.ts";

export interface PrometheusOptions {
  /** Default: 127.0.0.1 */
  readonly host?: string;
  /** 0 for one that is free. Default: 8001 */
  readonly port?: number;
}

const DEFAULT_PORT = 8001;

/** Serves the numbers of the run while it goes on. */
export const prometheus = {
  async create({ host, port = DEFAULT_PORT }: PrometheusOptions, { runId, mode }): Promise<Tracker> {
    if (mode === "replay")
      throw new LoggingError("LOGGING_REPLAY_UNSUITABLE", "prometheus is asked while a run goes on", {
        help: "`codex metrics-server` serves runs that are over.",
      });
    const metrics = new RunMetrics(runId);
    const families = () => metrics.families();
    const endpoint = await serveMetrics({ port, families, ...(host === undefined ? {} : { host }) });
    const startedAt = Date.now();
    return {
      destination: endpoint.address,
      start: async () => {},
      logParams: async () => {},
      logMetrics: async (records, source) => metrics.add(records, source),
      logText: async () => {},
      logArtifact: async () => {},
      finish: async ({ timestamp }) => metrics.trained((Date.parse(timestamp) - startedAt) / 1000),
      close: () => endpoint.close(),
    };
  },
  configSchema: {
    type: "object",
    description: "An endpoint for Prometheus while the run goes on.",
    properties: {
      host: {
        type: "string",
        minLength: 1,
        default: "127.0.0.1",
        description: "Address to listen on; with 0.0.0.0 other machines see the numbers of the run.",
      },
      port: {
        type: "integer",
        minimum: 0,
        maximum: 65_535,
        default: DEFAULT_PORT,
        description: "Port to listen on; 0 for one that is free.",
      },
    },
    additionalProperties: false,
  },
} satisfies RegistryEntry<CreateTracker>;

export interface RunsEndpointOptions extends PrometheusOptions {
  /** Folder of the run directories. */
  readonly runsDirectory: string;
  /** The newest so many runs are served. Default: 20 */
  readonly limit?: number;
}

/**
 * Serves the newest runs of a folder, those that go on and those that are over, until it is closed.
 * @throws {LoggingError} `LOGGING_ADDRESS_UNUSABLE`
 */
export async function serveRuns(options: RunsEndpointOptions): Promise<MetricsEndpoint> {
  const { runsDirectory, limit = 20, port = DEFAULT_PORT, host } = options;
  const collector = new RunsCollector(runsDirectory, limit);
  const endpoint = await serveMetrics({
    port,
    families: () => collector.families(),
    ...(host === undefined ? {} : { host }),
  });
  const close = async (): Promise<void> => {
    await endpoint.close();
    await collector[Symbol.asyncDispose]();
  };
  return { address: endpoint.address, close, [Symbol.asyncDispose]: close };
}
