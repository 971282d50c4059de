import type { TrainingEvent, TrainingObserver, WarningEvent } from "./events.ts";

/**
 * Hands events to observers. An observer cannot change a run: events are frozen, a return value is ignored, and the first
 * failure of each observer becomes a warning (it is called again for later events; a progress line that fails once on a full
 * pipe should not be the last).
 */
export class EventEmitter {
  readonly #observers: readonly TrainingObserver[];
  readonly #failed = new Set<TrainingObserver>();
  readonly #warnings: WarningEvent[] = [];

  constructor(observers: TrainingObserver | readonly TrainingObserver[] | undefined) {
    this.#observers = observers === undefined ? [] : typeof observers === "function" ? [observers] : [...observers];
  }

  /** All warnings so far: they are in the result, too, since nobody may have been listening. */
  get warnings(): readonly WarningEvent[] {
    return this.#warnings;
  }

  emit(event: TrainingEvent): void {
    Object.freeze(event);
    if (event.type === "warning") this.#warnings.push(event);
    for (const observer of this.#observers) {
      try {
        // An async function fits the type, and its rejection would otherwise end the process.
        Promise.resolve(observer(event)).catch((error: unknown) => this.#reportFailure(observer, event, error));
      } catch (error) {
        this.#reportFailure(observer, event, error);
      }
    }
  }

  #reportFailure(observer: TrainingObserver, event: TrainingEvent, error: unknown): void {
    if (this.#failed.has(observer)) return;
    this.#failed.add(observer);
    this.emit({
      type: "warning",
      step: event.step,
      code: "TRAINING_OBSERVER_FAILED",
      message: `an observer failed on the ${event.type} event of step ${event.step}: ${error instanceof Error ? error.message : String(error)}. Its later failures are not reported.`,
    });
  }
}
