import { createStepRecorder, type RecordableStep, type StepRecorder } from "@codex/tensor";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { yieldToEventLoop } from "./device-batch.ts";

/** What is to run: as a recorder takes it, with a body that pauses where other work of the process may have its turn. */
export interface PausingStep extends Omit<RecordableStep, "body"> {
  body(): Generator<undefined, Tensor[]>;
}

export interface StepRun {
  /** What the body returned. Not the caller's to dispose. */
  readonly outputs: readonly Tensor[];
  /** The outputs are not needed any more. To be called before the next run. */
  release(): void;
}

/** Runs the steps of a training run: recorded and replayed where the device can, else one kernel at a time. */
export interface StepRunner {
  run(step: PausingStep): Promise<StepRun>;
  dispose(): void;
}

/** The caller disposes it. @param recordSteps - false runs every step kernel by kernel */
export function createStepRunner(recordSteps: boolean): StepRunner {
  const recorder = recordSteps ? createStepRecorder() : undefined;
  return recorder === undefined ? { run: runPausing, dispose() {} } : recording(recorder);
}

/** Such a device enqueues and returns at once: there is nothing to pause for. */
function recording(recorder: StepRecorder): StepRunner {
  return {
    async run({ body, ...step }) {
      const outputs = recorder.run({ ...step, body: () => withoutPauses(body()) });
      return { outputs, release() {} };
    },
    dispose: () => recorder.dispose(),
  };
}

function withoutPauses(steps: Generator<undefined, Tensor[]>): Tensor[] {
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}

async function runPausing({ body }: PausingStep): Promise<StepRun> {
  const steps = body();
  for (;;) {
    const next = steps.next();
    await yieldToEventLoop(); // a synchronous device has just computed: let timers, signals and input run
    if (next.done) return { outputs: next.value, release: () => dispose(next.value) };
  }
}
