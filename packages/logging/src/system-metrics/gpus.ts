import { execFile } from "node:child_process";

/** What `nvidia-smi` says of one GPU; a value that it does not know is absent. */
export interface GpuSample {
  readonly index: number;
  readonly utilizationPercent: number | undefined;
  readonly memoryUsedMib: number | undefined;
  readonly memoryTotalMib: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly powerWatts: number | undefined;
}

const QUERY = "index,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw";
const TIMEOUT_MS = 5_000;
const BYTES_PER_MIB = 1024 * 1024;

/**
 * Asks `nvidia-smi`.
 * @param command - for tests
 * @throws {Error} where it is missing, fails or takes longer than five seconds
 */
export function readGpus(command = "nvidia-smi"): Promise<GpuSample[]> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, windowsHide: true };
    execFile(command, [`--query-gpu=${QUERY}`, "--format=csv,noheader,nounits"], options, (error, stdout) => {
      if (error === null) resolve(parseGpus(stdout));
      else reject(error);
    });
  });
}

export function parseGpus(csv: string): GpuSample[] {
  const gpus: GpuSample[] = [];
  for (const line of csv.split("\n")) {
    const [index, ...values] = line.split(",").map(toNumber);
    if (index === undefined) continue;
    const [utilizationPercent, memoryUsedMib, memoryTotalMib, temperatureCelsius, powerWatts] = values;
    gpus.push({ index, utilizationPercent, memoryUsedMib, memoryTotalMib, temperatureCelsius, powerWatts });
  }
  return gpus;
}

/** `[N/A]`, `[Not Supported]` and an empty line are no numbers. */
function toNumber(field: string): number | undefined {
  const text = field.trim();
  const value = Number(text);
  return text === "" || !Number.isFinite(value) ? undefined : value;
}

/** `gpu_count`, `gpu_util_mean`, and of each GPU `gpu0_util_pct`, `gpu0_mem_used_gb`, `gpu0_mem_percent`, `gpu0_temp_c`, `gpu0_power_w`. */
export function gpuMetrics(gpus: readonly GpuSample[]): Record<string, number> {
  const metrics: Record<string, number> = { gpu_count: gpus.length };
  const put = (name: string, value: number | undefined): void => {
    if (value !== undefined) metrics[name] = value;
  };
  for (const { index, ...gpu } of gpus) {
    put(`gpu${index}_util_pct`, gpu.utilizationPercent);
    if (gpu.memoryUsedMib !== undefined) {
      put(`gpu${index}_mem_used_gb`, (gpu.memoryUsedMib * BYTES_PER_MIB) / 1e9);
      if (gpu.memoryTotalMib) put(`gpu${index}_mem_percent`, (100 * gpu.memoryUsedMib) / gpu.memoryTotalMib);
    }
    put(`gpu${index}_temp_c`, gpu.temperatureCelsius);
    put(`gpu${index}_power_w`, gpu.powerWatts);
  }
  const known = gpus.flatMap(({ utilizationPercent }) => utilizationPercent ?? []);
  if (known.length > 0) metrics.gpu_util_mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return metrics;
}
