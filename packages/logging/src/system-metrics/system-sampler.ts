import { nodeFs } from "@codex/storage";
import { LoggingError } from "../errors.ts";
import type { MetricValue } from "../metric-record.ts";
import { gpuMetrics, readGpus } from "./gpus.ts";
import { memoryMetrics } from "./memory.ts";
import { type ProcessorTimes, processorMetrics, readProcessorTimes } from "./processor.ts";
import { readTraffic, type Traffic, trafficMetrics } from "./traffic.ts";

/** Below this the rates of a sample say little, and sampling begins to show in what is sampled. */
export const SHORTEST_INTERVAL_SECONDS = 0.5;

export interface SystemSamplerOptions {
  /** Seconds between samples, at least 0.5. Default: 10. */
  readonly intervalSeconds?: number;
  /** Ask `nvidia-smi` too. Default: false. */
  readonly gpu?: boolean;
  /** The folder whose file system's free space is told (`disk_free_gb`). Default: the working directory. */
  readonly directory?: string;
  /** The step that a sample is recorded at. Default: none. */
  currentStep?(): number | null;
  /** Takes the values of a sample. It may be slow or fail: the next sample comes when it is done. */
  sink(values: readonly MetricValue[]): void | Promise<void>;
  /** Told once of a source that was asked for and is missing, and of the first failure of the sink. */
  onNotice?(message: string): void;
  /** Asks for the GPUs; for tests. */
  readonly readGpus?: typeof readGpus;
}

/** Samples of processor, memory, disk, network and GPU until it is stopped. */
export interface SystemSampler extends AsyncDisposable {
  /** Takes one sample now. The first of all has no rates yet. */
  sample(): Promise<Record<string, number>>;
  /** Takes a last sample and ends. */
  stop(): Promise<void>;
}

/**
 * Starts sampling. Values are named `system/<name>`, split `train`; what this machine has no source for has no value. The timer keeps no
 * process alive. The caller stops it, or uses `await using`.
 *
 * @throws {LoggingError} `LOGGING_RECORD_INVALID` for an interval below 0.5 s
 */
export function startSystemSampler(options: SystemSamplerOptions): SystemSampler {
  const { intervalSeconds = 10, gpu = false, directory = process.cwd(), currentStep = () => null } = options;
  if (!(intervalSeconds >= SHORTEST_INTERVAL_SECONDS)) {
    throw new LoggingError(
      "LOGGING_RECORD_INVALID",
      `system metrics: expected an interval of at least ${SHORTEST_INTERVAL_SECONDS} s, got ${intervalSeconds}`,
    );
  }
  let last: { processor: ProcessorTimes; traffic: Traffic } = {
    processor: readProcessorTimes(),
    traffic: readTraffic(),
  };
  let askGpu = gpu;
  let sinkFailed = false;
  const sample = async (): Promise<Record<string, number>> => {
    const now = { processor: readProcessorTimes(), traffic: readTraffic() };
    const metrics = {
      ...processorMetrics(last.processor, now.processor),
      ...memoryMetrics(),
      ...trafficMetrics(last.traffic, now.traffic),
    };
    last = now;
    const disk = await nodeFs.statfs(directory).catch(() => undefined);
    if (disk !== undefined) metrics.disk_free_gb = disk.freeBytes / 1e9;
    if (askGpu) {
      try {
        Object.assign(metrics, gpuMetrics(await (options.readGpus ?? readGpus)()));
      } catch (error) {
        askGpu = false;
        const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no nvidia-smi" : String(error);
        options.onNotice?.(`system metrics: no GPU is sampled: ${reason}`);
      }
    }
    return metrics;
  };
  const record = async (): Promise<void> => {
    const step = currentStep();
    const metrics = await sample();
    try {
      await options.sink(
        Object.entries(metrics).map(([name, value]) => ({ step, split: "train", metric: `system/${name}`, value })),
      );
    } catch (error) {
      if (!sinkFailed) options.onNotice?.(`system metrics: a sample could not be written: ${(error as Error).message}`);
      sinkFailed = true;
    }
  };

  let running: Promise<void> = Promise.resolve();
  let idle = true;
  const timer = setInterval(() => {
    if (!idle) return; // the last sample is still being written: this one is left out
    idle = false;
    running = record().finally(() => {
      idle = true;
    });
  }, intervalSeconds * 1000);
  timer.unref();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    clearInterval(timer);
    stopped ??= running.then(record);
    return stopped;
  };
  return { sample, stop, [Symbol.asyncDispose]: stop };
}
