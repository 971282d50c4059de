import type { PipelineEvent, PipelineObserver } from "./events.ts";

/**
 * An observer that cannot change a run: what it throws, or rejects with, is told once as a notice and otherwise forgotten.
 * @param tell - called with that notice
 */
export function guardObserver(observer: PipelineObserver | undefined, tell: PipelineObserver): PipelineObserver {
  let failed = false;
  const fail = (event: PipelineEvent, error: unknown): void => {
    if (failed) return;
    failed = true;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `an observer failed on the ${event.type} event: ${reason}. Its later failures are not reported`;
    tell({ type: "notice", code: "observer.failed", message });
  };
  return (event) => {
    try {
      // An async function fits the type, and its rejection would otherwise end the process.
      Promise.resolve(observer?.(event)).catch((error: unknown) => fail(event, error));
    } catch (error) {
      fail(event, error);
    }
  };
}
