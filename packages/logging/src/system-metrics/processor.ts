import { availableParallelism, cpus, loadavg, platform } from "node:os";

/** Time that processors and this process have spent since they started. */
export interface ProcessorTimes {
  /** Of all processors together, milliseconds. */
  readonly busyMs: number;
  readonly totalMs: number;
  /** User and system time of this process, all threads, milliseconds. */
  readonly processMs: number;
  /** When this was read, milliseconds of a clock that never goes back. */
  readonly atMs: number;
}

export function readProcessorTimes(): ProcessorTimes {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    totalMs += busy + times.idle;
  }
  const { user, system } = process.cpuUsage();
  return { busyMs, totalMs, processMs: (user + system) / 1000, atMs: performance.now() };
}

/**
 * - `cpu_percent`: share of all processors that was busy since the last sample, 0 to 100; waiting for a disk is idle.
 * - `process_cpu_percent`: this process, in percent of one processor: 200 is two processors.
 * - `cpu_count`: processors that this process may use.
 * - `load_average_1m`: not on Windows, which has none.
 */
export function processorMetrics(before: ProcessorTimes, now: ProcessorTimes): Record<string, number> {
  const metrics: Record<string, number> = { cpu_count: availableParallelism() };
  const total = now.totalMs - before.totalMs;
  if (total > 0) metrics.cpu_percent = clampPercent((100 * (now.busyMs - before.busyMs)) / total);
  const elapsed = now.atMs - before.atMs;
  if (elapsed > 0) metrics.process_cpu_percent = Math.max(0, (100 * (now.processMs - before.processMs)) / elapsed);
  if (platform() !== "win32") metrics.load_average_1m = loadavg()[0] as number;
  return metrics;
}

/** Processors are counted one after the other, so that a share can come out a little beyond its bounds. */
function clampPercent(percent: number): number {
  return Math.min(100, Math.max(0, percent));
}
