/** Numbers, times and sizes as text, the same everywhere on the page. */

/** About `digits` significant digits, without an exponent where people read none. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6) {
    const [divisor, unit] = size >= 1e12 ? [1e12, "T"] : size >= 1e9 ? [1e9, "G"] : [1e6, "M"];
    return `${trimmed((value / divisor).toPrecision(Math.max(3, digits - 1)))}${unit}`;
  }
  if (size < 1e-3) return value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e");
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return trimmed(value.toPrecision(digits));
}

function trimmed(text: string): string {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

/** A loss or another value in a table: always as many decimals, so that a column can be compared at a glance. */
export function formatFixed(value: number): string {
  const size = Math.abs(value);
  return size >= 1000 || (size < 1e-3 && size > 0) ? formatNumber(value) : value.toFixed(size >= 100 ? 2 : 4);
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** `1h 05m`, `12m 30s`, `4.2 s` */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  if (seconds < 10) return `${trimmed(seconds.toFixed(1))} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  const two = (value: number): string => String(value).padStart(2, "0");
  if (days > 0) return `${days}d ${two(hours)}h`;
  if (hours > 0) return `${hours}h ${two(minutes)}m`;
  return `${minutes}m ${two(whole % 60)}s`;
}

/** In words, from now: `3 min ago`. */
export function formatAgo(timestamp: string, now: number): string {
  const seconds = (now - Date.parse(timestamp)) / 1000;
  if (Number.isNaN(seconds)) return "";
  if (seconds < 45) return "just now";
  const units: readonly (readonly [number, string])[] = [
    [60, "min"],
    [3600, "h"],
    [86_400, "d"],
  ];
  let text = "";
  for (const [size, unit] of units)
    if (seconds >= size * 0.75) text = `${Math.max(1, Math.round(seconds / size))} ${unit} ago`;
  return seconds > 14 * 86_400 ? formatDate(timestamp) : text;
}

/** In the time zone of the reader. */
export function formatDate(timestamp: string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return timestamp;
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function formatClock(timestamp: string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return timestamp;
  return date.toTimeString().slice(0, 8);
}

/** `tokens_per_second` to `tokens per second`; what comes before the last slash is the group's name. */
export function metricTitle(metric: string): string {
  return (metric.split("/").at(-1) ?? metric).replaceAll("_", " ");
}
