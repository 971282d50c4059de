/** A device that records: who runs what when, and who owns the results. The recorder here records nothing, and runs the body each time. */
import { type RecordableStep, selectDevice } from "@codex/tensor";
import { type StepEvent, type TrainingOptionsInput, train } from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";
import { createTinyModel, tinyEvaluation, tinySource } from "./tiny-model.ts";

interface FakeRecorder {
  readonly steps: RecordableStep[];
  /** Outputs of the last run, which the recorder owns. */
  outputs: tf.Tensor[];
  disposals: number;
}

/** Lets the current backend record until `run` is through. */
async function whileRecording<T>(run: (recorder: FakeRecorder) => Promise<T>): Promise<T> {
  const recorder: FakeRecorder = { steps: [], outputs: [], disposals: 0 };
  const free = () => tf.dispose(recorder.outputs);
  const backend = tf.backend() as tf.KernelBackend & { recordings?: unknown };
  backend.recordings = {
    createRecorder: () => ({
      run(step: RecordableStep) {
        expect(recorder.outputs.every((output) => !output.isDisposed)).toBe(true); // the loop leaves them alone
        free();
        recorder.steps.push(step);
        recorder.outputs = tf.tidy(() => step.body()).map((output) => tf.keep(output));
        return recorder.outputs;
      },
      dispose() {
        free();
        recorder.disposals += 1;
      },
    }),
  };
  try {
    return await run(recorder);
  } finally {
    delete backend.recordings;
  }
}

async function trained(options: TrainingOptionsInput = {}) {
  const model = createTinyModel({ dropoutRate: 0.2 });
  const steps: StepEvent[] = [];
  await train({
    model,
    data: tinySource({ samples: 10 }),
    seed: 3,
    options: { maxSteps: 4, batchSize: 2, gradientAccumulationSteps: 2, learningRate: 0.02, ...options },
    evaluation: tinyEvaluation(),
    onEvent: (event) => {
      if (event.type === "step") steps.push(event);
    },
  });
  const weights = [...model.parameters().values()].map(({ variable }) => Array.from(variable.dataSync()));
  model.dispose();
  return { weights, measured: steps.map(({ lossNats, gradientNorm }) => [lossNats, gradientNorm]) };
}

beforeAll(async () => {
  await selectDevice("cpu");
});

test("a recorder gets the tensors of the batch and the dropout keys, and the run ends as without", async () => {
  const expected = await trained();
  const before = tf.memory().numTensors;
  await whileRecording(async (recorder) => {
    expect(await trained()).toEqual(expected);
    // Ten samples in micro-batches of two, two to a step: the third step of an epoch has one.
    expect(recorder.steps.map(({ inputs }) => inputs.map(({ shape, dtype }) => `${dtype} ${shape}`))).toEqual(
      [4, 4, 2, 4].map((count) => Array(count).fill("int32 2,6")),
    );
    expect(recorder.steps.map(({ keys }) => keys.length)).toEqual([2, 2, 1, 2]);
    expect(new Set(recorder.steps.flatMap(({ keys }) => keys.map((key) => key.join()))).size).toBe(7);
    expect(recorder.disposals).toBe(1);
  });
  expect(tf.memory().numTensors).toBe(before);
});

test("the key objects that a recorder knows are those that reach the model", async () => {
  const tiny = createTinyModel();
  const seen: unknown[] = [];
  const model = {
    ...tiny,
    loss: (...[batch, context]: Parameters<typeof tiny.loss>) => {
      seen.push(context.dropoutKey);
      return tiny.loss(batch, context);
    },
  };
  await whileRecording(async (recorder) => {
    await train({ model, data: tinySource(), seed: 3, options: { maxSteps: 2, evaluationEverySteps: 0 } });
    const keys = recorder.steps.flatMap((step) => step.keys);
    expect(keys).toHaveLength(2);
    for (const [index, key] of keys.entries()) expect(seen[index]).toBe(key);
  });
  tiny.dispose();
});

test("with recordSteps off nothing is recorded", async () => {
  await whileRecording(async (recorder) => {
    await trained({ recordSteps: false });
    expect(recorder).toMatchObject({ steps: [], disposals: 0 });
  });
});

test("a run that fails lets go of its recorder", async () => {
  await whileRecording(async (recorder) => {
    const model = createTinyModel();
    const before = tf.memory().numTensors;
    const failing = train({
      model,
      data: tinySource(),
      seed: 3,
      options: { maxSteps: 2 },
      metrics: {
        metric() {
          throw new Error("disk full");
        },
      },
    });
    await expect(failing).rejects.toThrow("disk full");
    expect(recorder.disposals).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
