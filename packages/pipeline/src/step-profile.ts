/** Where the time of training steps goes: kernels of a few steps, as a file that Chrome's trace viewer (chrome://tracing, Perfetto) opens. */
import { writeFileDurably } from "@codex/storage";
import { type KernelRun, startProfile } from "@codex/tensor";
import type { StepEvent } from "@codex/training";
import { PipelineError } from "./errors.ts";

/** The first steps set up what later ones use again. */
const WARMUP_STEPS = 4;
const PROFILED_STEPS = 10;

interface StepSpan {
  readonly step: number;
  readonly startMs: number;
  readonly durationMs: number;
}

/** Fed with the steps of a run; profiles some of the first ones. */
export class StepProfile {
  readonly #file: string;
  readonly #spans: StepSpan[] = [];
  #seen = 0;
  #stop: (() => KernelRun[]) | undefined;
  #kernels: readonly KernelRun[] = [];

  /** @throws {PipelineError} `PIPELINE_PROFILE_UNSUPPORTED` */
  constructor(file: string, device: string) {
    this.#file = file;
    const stop = startProfile();
    if (stop === undefined) {
      throw new PipelineError(
        "PIPELINE_PROFILE_UNSUPPORTED",
        `profile: device ${device} keeps no record of its kernels`,
        {
          help: "Use --device engine.",
        },
      );
    }
    stop();
  }

  step({ step, stepTimeMs }: StepEvent): void {
    this.#seen += 1;
    if (this.#seen === WARMUP_STEPS) {
      this.#stop = startProfile();
    } else if (this.#stop !== undefined) {
      this.#spans.push({ step, startMs: performance.now() - stepTimeMs, durationMs: stepTimeMs });
      if (this.#spans.length === PROFILED_STEPS) this.#end();
    }
  }

  /**
   * Writes the file.
   * @returns the summary for a person; undefined for a run that ended before there was anything to profile
   */
  async finish(): Promise<string | undefined> {
    this.#end();
    if (this.#spans.length === 0) return undefined;
    await writeFileDurably(this.#file, `${JSON.stringify(chromeTrace(this.#kernels, this.#spans))}\n`);
    return summary(this.#kernels, this.#spans, this.#file);
  }

  #end(): void {
    this.#kernels = this.#stop?.() ?? this.#kernels;
    this.#stop = undefined;
  }
}

/** @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (Trace Event Format) */
export function chromeTrace(kernels: readonly KernelRun[], steps: readonly StepSpan[]): object {
  const thread = (tid: number, name: string) => ({ name: "thread_name", ph: "M", pid: 1, tid, args: { name } });
  const span = (tid: number, name: string, startMs: number, durationMs: number, args: object) => {
    return { name, ph: "X", pid: 1, tid, ts: startMs * 1000, dur: durationMs * 1000, args };
  };
  return {
    displayTimeUnit: "ms",
    traceEvents: [
      thread(1, "training loop"),
      thread(2, "engine"),
      ...steps.map(({ step, startMs, durationMs }) => span(1, `step ${step}`, startMs, durationMs, {})),
      ...kernels.map(({ name, shapes, startMs, durationMs }) => span(2, name, startMs, durationMs, { shapes })),
    ],
  };
}

function summary(kernels: readonly KernelRun[], steps: readonly StepSpan[], file: string): string {
  const totals = new Map<string, { count: number; timeMs: number }>();
  for (const { name, durationMs } of kernels) {
    const { count, timeMs } = totals.get(name) ?? { count: 0, timeMs: 0 };
    totals.set(name, { count: count + 1, timeMs: timeMs + durationMs });
  }
  const count = Math.max(1, steps.length);
  const stepTimeMs = steps.reduce((sum, { durationMs }) => sum + durationMs, 0) / count;
  const kernelTimeMs = kernels.reduce((sum, { durationMs }) => sum + durationMs, 0) / count;
  const rows = [...totals].sort(([, a], [, b]) => b.timeMs - a.timeMs).slice(0, 12);
  return [
    `profile of ${steps.length} steps: ${stepTimeMs.toFixed(2)} ms a step, ${kernelTimeMs.toFixed(2)} ms of it in ${Math.round(kernels.length / count)} kernels`,
    ...rows.map(([name, { count: runs, timeMs }]) => {
      const share = ((100 * timeMs) / count / stepTimeMs).toFixed(1).padStart(5);
      return `  ${share} %  ${(timeMs / count).toFixed(3).padStart(9)} ms  ${String(Math.round(runs / count)).padStart(4)} x  ${name}`;
    }),
    `written to ${file} (open it in chrome://tracing or ui.perfetto.dev)`,
  ].join("\n");
}
