/** Measures the pace of a run. None of this reaches the weights or the state that is saved. */
export class Stopwatch {
  readonly #startedAt = performance.now();
  readonly #firstStep: number;
  #stepStartedAt = 0;
  #reportedTokens = 0;
  #reportedMs = 0;

  /** @param firstStep - steps that were done before this process */
  constructor(firstStep: number) {
    this.#firstStep = firstStep;
  }

  startStep(): void {
    this.#stepStartedAt = performance.now();
  }

  /** @returns duration of the step, milliseconds */
  endStep(tokens: number): number {
    const stepTimeMs = performance.now() - this.#stepStartedAt;
    this.#reportedTokens += tokens;
    this.#reportedMs += stepTimeMs;
    return stepTimeMs;
  }

  /** Pace since the last report, and what is left. */
  report(step: number, maxSteps: number) {
    const tokensPerSecond = (1000 * this.#reportedTokens) / this.#reportedMs;
    this.#reportedTokens = 0;
    this.#reportedMs = 0;
    const msPerStep = (performance.now() - this.#startedAt) / (step - this.#firstStep);
    return {
      tokensPerSecond,
      memoryBytes: process.memoryUsage.rss(),
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024, // libuv gives kibibytes
      timeLeftMs: msPerStep * (maxSteps - step),
    };
  }
}
