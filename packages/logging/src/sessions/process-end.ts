/**
 * The end of this process, as sessions have to know it: the exit code, the signal, the error that nobody caught. Nothing is
 * installed before somebody asks, and nothing that Node does by default is changed.
 */
import { constants } from "node:os";

export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals;
  /** What was thrown and not caught. */
  readonly error?: unknown;
}

/** Called once, synchronously, when the process ends; it cannot wait for anything. */
export type EndListener = (end: ProcessEnd) => void;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const listeners = new Set<EndListener>();
let last: EndListener | undefined;
let uncaught: { error: unknown } | undefined;
let ended = false;

/** @returns a function that takes the listener back */
export function onProcessEnd(listener: EndListener): () => void {
  if (listeners.size === 0) {
    process.on("uncaughtExceptionMonitor", onUncaught);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    process.off("uncaughtExceptionMonitor", onUncaught);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** Called after all listeners, whether there are any or not. The first one given stays. */
export function afterProcessEnd(listener: EndListener): void {
  if (last !== undefined) return;
  last = listener;
  process.once("exit", onExit);
}

function onExit(exitCode: number): void {
  tell({ exitCode, ...(uncaught && { error: uncaught.error }) });
}

function onUncaught(error: unknown): void {
  uncaught = { error };
  // Somebody may catch it after all ("uncaughtException"): then the process goes on, and this was not its end.
  setImmediate(() => {
    uncaught = undefined;
  }).unref();
}

/** Where others handle the signal, they decide what becomes of the process. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  tell({ exitCode: 128 + constants.signals[signal], signal });
  process.off(signal, onSignal);
  process.kill(process.pid, signal); // and now what it does by default
}

function tell(end: ProcessEnd): void {
  if (ended) return;
  ended = true;
  for (const listener of [...listeners]) listener(end);
  last?.(end);
}
