import { EXIT_CODES } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs work that the first SIGINT or SIGTERM asks to end; a second one ends the process at once.
 *
 * @param doing - what happens after the first signal, for the person who waits: "saving and stopping"
 * @param work - @returns whether the signal ended it; it may reject with the signal's reason instead
 * @returns the exit code: 130 or 143 for work that a signal ended
 */
export async function withSignals(
  terminal: Terminal,
  doing: string,
  work: (signal: AbortSignal) => Promise<boolean>,
): Promise<number> {
  const { installSignalHandlers } = await import("@codex/pipeline");
  const handlers = installSignalHandlers({
    onSignal: ({ signal }) => terminal.err.write(`\n${signal}: ${doing}; a second one stops at once\n`),
  });
  try {
    const stopped = await work(handlers.signal);
    return stopped ? (handlers.reason?.exitCode ?? EXIT_CODES.unexpected) : EXIT_CODES.done;
  } catch (error) {
    if (handlers.reason === undefined || !isStop(error, handlers.signal)) throw error;
    terminal.err.write("stopped; nothing was left half-done\n");
    return handlers.reason.exitCode;
  } finally {
    handlers.dispose();
  }
}

/** What work throws that was stopped: the reason of the signal, or an error that says so. */
function isStop(error: unknown, { reason }: AbortSignal): boolean {
  return error === reason || (error instanceof Error && (error.name === "AbortError" || error.cause === reason));
}
