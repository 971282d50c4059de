import type { MetricRecord } from "../metric-record.ts";
import { type Family, Histogram, type Sample } from "./exposition.ts";

const STEP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const TRAINING_SECONDS = [1, 5, 10, 30, 60, 300];

/** What Prometheus is told of one run: made from its records, in their order. */
export class RunMetrics {
  readonly #run: string;
  readonly #stepSeconds = new Histogram(STEP_SECONDS);
  readonly #trainingSeconds = new Histogram(TRAINING_SECONDS);
  readonly #latest = new Map<string, Sample>();
  readonly #system = new Map<string, Sample>();
  #step: number | undefined;
  #tokens: number | undefined;

  constructor(runId: string) {
    this.#run = runId;
  }

  add(records: readonly MetricRecord[], source: "metrics" | "system"): void {
    for (const { split, metric, value, step, dataset } of records) {
      if (source === "system") {
        this.#system.set(metric, { labels: { run: this.#run, metric }, value });
        continue;
      }
      const labels = { run: this.#run, split, metric, dataset: dataset ?? "" };
      this.#latest.set(`${split} ${metric} ${dataset ?? ""}`, { labels, value });
      if (split !== "train") continue;
      this.#step = step ?? this.#step;
      if (metric === "step_time_ms") this.#stepSeconds.observe(value / 1000);
      if (metric === "tokens_seen") this.#tokens = value;
    }
  }

  /** A stretch of training, from a start or a resume to its end, has taken so long. */
  trained(seconds: number): void {
    this.#trainingSeconds.observe(seconds);
  }

  families(): Family[] {
    const labels = { run: this.#run };
    const of = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels, value }]);
    const loss = (split: string) =>
      [...this.#latest.values()].find(
        (sample) => sample.labels["split"] === split && sample.labels["metric"] === "loss",
      )?.value;
    return [
      {
        name: "codex_ml_training_steps_total",
        type: "counter",
        help: "Optimizer steps done.",
        samples: of(this.#step),
      },
      {
        name: "codex_ml_training_tokens_total",
        type: "counter",
        help: "Tokens trained on.",
        samples: of(this.#tokens),
      },
      {
        name: "codex_ml_training_loss",
        type: "gauge",
        help: "Training loss of the last step, in nats per target token.",
        samples: of(loss("train")),
      },
      {
        name: "codex_ml_validation_loss",
        type: "gauge",
        help: "Held-out loss of the last evaluation, in nats per target token.",
        samples: of(loss("validation")),
      },
      {
        name: "train_step_seconds",
        type: "histogram",
        help: "Time of an optimizer step.",
        samples: this.#stepSeconds.samples(labels),
      },
      {
        name: "codex_ml_training_duration_seconds",
        type: "histogram",
        help: "Time from a start or a resume of training to its end.",
        samples: this.#trainingSeconds.samples(labels),
      },
      {
        name: "codex_ml_metric",
        type: "gauge",
        help: "Last value of each metric of a run.",
        samples: [...this.#latest.values()],
      },
      {
        name: "codex_ml_system",
        type: "gauge",
        help: "Last value of each system metric of a run.",
        samples: [...this.#system.values()],
      },
    ];
  }
}

/** One family a name, with the samples of all runs. */
export function mergeFamilies(runs: Iterable<RunMetrics>): Family[] {
  const merged = new Map<string, Family & { samples: Sample[] }>();
  for (const run of runs) {
    for (const family of run.families()) {
      const known = merged.get(family.name);
      if (known === undefined) merged.set(family.name, { ...family, samples: [...family.samples] });
      else known.samples.push(...family.samples);
    }
  }
  return [...merged.values()];
}
