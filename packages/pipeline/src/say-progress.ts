import type { PipelineObserver, StageEvent } from "./events.ts";

const EVERY_MS = 5000;

/**
 * Tells how far a long stage is, at most every five seconds: the first time when it has already taken that long.
 * @param now - the clock, in milliseconds; for tests
 * @returns what is called as often as one likes; the message is only made when it is told
 */
export function sayProgress(
  onEvent: PipelineObserver | undefined,
  stage: StageEvent["stage"],
  now: () => number = () => performance.now(),
): (message: () => string) => void {
  let last = now();
  return (message) => {
    const at = now();
    if (onEvent === undefined || at - last < EVERY_MS) return;
    last = at;
    onEvent({ type: "stage", stage, message: message() });
  };
}
