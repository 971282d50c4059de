import type { ProgressEvent } from "./events.ts";

/** One line for a terminal: `step 120/2000  loss 2.3456  lr 9.50e-4  norm 0.83  12.3k tok/s  41.0% of peak  512 MiB  3m12s left`. */
export function formatProgress(event: ProgressEvent): string {
  const parts = [
    `step ${event.step}/${event.maxSteps}`,
    `loss ${event.lossNats.toFixed(4)}`,
    `lr ${event.learningRate.toExponential(2)}`,
    `norm ${event.gradientNorm.toFixed(2)}`,
    `${formatCount(event.tokensPerSecond)} tok/s`,
  ];
  if (event.shareOfPeak !== undefined) parts.push(`${(100 * event.shareOfPeak).toFixed(1)}% of peak`);
  parts.push(`${Math.round(event.memoryBytes / 2 ** 20)} MiB`, `${formatDuration(event.timeLeftMs)} left`);
  return parts.join("  ");
}

/** `950`, `12.3k`, `4.5M` */
function formatCount(count: number): string {
  if (count < 999.5) return count.toFixed(0);
  return count < 999_950 ? `${(count / 1e3).toFixed(1)}k` : `${(count / 1e6).toFixed(1)}M`;
}

/** `45s`, `3m12s`, `2h05m` */
function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  const twoDigits = (count: number) => String(count).padStart(2, "0");
  if (minutes === 0) return `${seconds}s`;
  if (minutes < 60) return `${minutes}m${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}
