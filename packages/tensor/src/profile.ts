import { backend } from "@tensorflow/tfjs-core";

/** One kernel's run on the device. */
export interface KernelRun {
  readonly name: string;
  /** Shapes of inputs and outputs. */
  readonly shapes: string;
  /** On the clock of `performance.now()`. */
  readonly startMs: number;
  readonly durationMs: number;
}

interface ProfilingBackend {
  startProfile?(): void;
  stopProfile?(): KernelRun[];
}

/**
 * From here on the current device keeps every kernel's run.
 *
 * @returns ends it and gives what was kept, in order; undefined for a device that keeps nothing (all but the engine)
 */
export function startProfile(): (() => KernelRun[]) | undefined {
  const device = backend() as ProfilingBackend;
  if (device.startProfile === undefined) return undefined;
  device.startProfile();
  return () => device.stopProfile!();
}
