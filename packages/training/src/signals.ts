/** What the signal of `installSignalHandlers` is aborted with. */
export interface ShutdownReason {
  readonly signal: "SIGINT" | "SIGTERM";
  /** 128 + number of the signal: 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: number;
}

export interface SignalHandlers {
  /** Aborted by the first SIGINT or SIGTERM, with a `ShutdownReason`. Pass it to `train`. */
  readonly signal: AbortSignal;
  /** What the first signal was; `undefined` if none came. The program exits with its `exitCode`. */
  readonly reason: ShutdownReason | undefined;
  /** Takes the handlers away. */
  dispose(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * The first SIGINT or SIGTERM asks for a stop; a second one, of either kind, ends the process at once, with its exit code
 * and without a save.
 * @param options.onSignal - called with the first one, to tell the person who waits that a save is under way
 */
export function installSignalHandlers(options: { onSignal?: (reason: ShutdownReason) => void } = {}): SignalHandlers {
  const controller = new AbortController();
  let reason: ShutdownReason | undefined;
  const handle = (signal: ShutdownReason["signal"]): void => {
    const exitCode = EXIT_CODES[signal];
    if (reason !== undefined) process.exit(exitCode);
    reason = Object.freeze({ signal, exitCode });
    controller.abort(reason);
    options.onSignal?.(reason);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    signal: controller.signal,
    get reason() {
      return reason;
    },
    dispose() {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}
