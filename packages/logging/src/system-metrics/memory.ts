import { freemem, totalmem } from "node:os";
import { readKernelFile } from "./proc-files.ts";

const BYTES_PER_GB = 1e9;
const CGROUP_USED = "/sys/fs/cgroup/memory.current";
const CGROUP_LIMIT = "/sys/fs/cgroup/memory.max";

/**
 * - `mem_used_gb`, `mem_percent`: of the machine; on Linux what is not available to new programs without swapping, elsewhere
 *   what is not free.
 * - `swap_used_gb`: Linux.
 * - `container_mem_used_gb`, `container_mem_percent`: of a limit that a container has (cgroup v2).
 * - `process_rss_gb`: resident memory of this process.
 */
export function memoryMetrics(read: (path: string) => string | undefined = readKernelFile): Record<string, number> {
  const fields = parseMemoryInfo(read("/proc/meminfo") ?? "");
  const total = fields.get("MemTotal") ?? totalmem();
  const used = total - (fields.get("MemAvailable") ?? freemem());
  const metrics: Record<string, number> = {
    mem_used_gb: used / BYTES_PER_GB,
    mem_percent: (100 * used) / total,
    process_rss_gb: process.memoryUsage.rss() / BYTES_PER_GB,
  };
  const swapTotal = fields.get("SwapTotal");
  const swapFree = fields.get("SwapFree");
  if (swapTotal !== undefined && swapFree !== undefined) metrics.swap_used_gb = (swapTotal - swapFree) / BYTES_PER_GB;
  const limit = Number(read(CGROUP_LIMIT)?.trim() || Number.NaN); // "max" without a limit
  const inContainer = Number(read(CGROUP_USED)?.trim() || Number.NaN);
  if (Number.isFinite(limit) && Number.isFinite(inContainer)) {
    metrics.container_mem_used_gb = inContainer / BYTES_PER_GB;
    metrics.container_mem_percent = (100 * inContainer) / limit;
  }
  return metrics;
}

/** `MemTotal:  24558956 kB` by name, in bytes. */
function parseMemoryInfo(text: string): Map<string, number> {
  const fields = new Map<string, number>();
  for (const [, name, kibibytes] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) fields.set(name!, Number(kibibytes) * 1024);
  return fields;
}
