import type { PhiloxKey } from "@codex/random";
import { backend, type Tensor } from "@tensorflow/tfjs-core";

/** A step whose kernels depend on nothing but the shapes of its inputs, so that a device may record and replay them. */
export interface RecordableStep {
  /** What differs from run to run: the tensors of the batch. They stay the caller's. */
  readonly inputs: readonly Tensor[];
  /** Philox keys that differ from run to run, by identity: the very objects reach the ops. */
  readonly keys: readonly PhiloxKey[];
  /** What else the body reads: the model's variables. */
  readonly weights: readonly Tensor[];
  /**
   * Enqueues the step and returns its results, tensors of its own. It reads no value, waits for nothing, and disposes what else it makes.
   * A replay does not call it: whatever it does beside kernels on `inputs`, `keys` and variables happens once.
   */
  readonly body: () => Tensor[];
}

/** Runs one step again and again. */
export interface StepRecorder {
  /** @returns what the body returned; they belong to the recorder and hold until the next `run`. Nobody else disposes them */
  run(step: RecordableStep): Tensor[];
  dispose(): void;
}

/** What a backend has that can record. Stated here, because `@codex/engine` is published apart. */
export interface RecordingBackend {
  readonly recordings: { createRecorder(): StepRecorder };
}

/** A recorder of the current device, which the caller disposes; undefined if the device cannot record. */
export function createStepRecorder(): StepRecorder | undefined {
  return (backend() as Partial<RecordingBackend>).recordings?.createRecorder();
}
