import type { MetricName } from "../src/protocol.ts";

export interface MetricGroup {
  readonly name: string;
  readonly metrics: readonly MetricName[];
}

/** What is looked at first stands first; the rest follows by name. */
const ORDER = [
  ...["loss", "learning_rate", "tokens_per_second", "gradient_norm", "bits_per_byte", "perplexity", "accuracy"],
  ...["step_time_ms", "tokens_seen"],
];
const TRAINING = "Training";

/** Charts by the prefix of their names (`system/cpu`, `layer.0.norm`); those without one are the training's own. */
export function groupMetrics(metrics: readonly MetricName[]): MetricGroup[] {
  const groups = new Map<string, MetricName[]>();
  for (const one of metrics) {
    const prefix = /^([^/.]+)[/.]./.exec(one.metric)?.[1];
    const name = prefix !== undefined ? capital(prefix) : one.source === "system" ? "System" : TRAINING;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  const rank = (name: string): number => (name === TRAINING ? 0 : name === "System" ? 2 : 1);
  return [...groups]
    .map(([name, members]) => ({
      name,
      metrics: members.sort((a, b) => placeOf(a.metric) - placeOf(b.metric) || (a.metric < b.metric ? -1 : 1)),
    }))
    .sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

function placeOf(metric: string): number {
  const place = ORDER.indexOf(metric);
  return place < 0 ? ORDER.length : place;
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
}
