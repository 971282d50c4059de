/** A run that stops after step N and goes on is, byte for byte, the run that never stopped. */
import { selectDevice } from "@codex/tensor";
import {
  type MetricValue,
  type TrainArguments,
  type TrainingCheckpoint,
  type TrainingOptionsInput,
  type TrainingResult,
  train,
} from "@codex/training";
import { createTinyModel, tinyEvaluation, tinySource } from "./tiny-model.ts";

// 10 samples in batches of 2 are 5 micro-batches: a remainder for 3 and for 4.
const base: TrainingOptionsInput = {
  epochs: 2,
  batchSize: 2,
  learningRate: 0.02,
  minLearningRate: 0.001,
  warmupSteps: 2,
  evaluationEverySteps: 2,
  evaluationBatchSize: 3,
  checkpointEverySteps: 1,
  earlyStopping: { patience: 20, minDelta: 0.001 },
};

interface Trace {
  readonly result: TrainingResult;
  readonly checkpoints: TrainingCheckpoint[];
  /** Reproducible metrics only. */
  readonly metrics: MetricValue[];
  readonly sampleIds: (readonly number[])[];
}

async function run(
  options: TrainingOptionsInput,
  more: Partial<TrainArguments> & { stopAfter?: number } = {},
): Promise<Trace> {
  // Other initial weights when resuming, so that nothing can come from anywhere but the checkpoint.
  const model = createTinyModel({ dropoutRate: 0.3, seed: more.resumeFrom ? 99 : 1 });
  const checkpoints: TrainingCheckpoint[] = [];
  const metrics: MetricValue[] = [];
  const sampleIds: (readonly number[])[] = [];
  const { stopAfter, ...args } = more;
  const controller = new AbortController();
  const result = await train({
    model,
    data: tinySource(),
    evaluation: tinyEvaluation(),
    options,
    seed: 7,
    checkpoints: {
      async save(contents) {
        checkpoints.push(contents);
        return { path: `step-${contents.step}` };
      },
    },
    metrics: { metric: (record) => void (record.tags?.["kind"] !== "throughput" && metrics.push(record)) },
    onEvent: (event) => {
      if (event.type !== "step") return;
      sampleIds.push(event.sampleIds);
      if (event.step === stopAfter) controller.abort("enough");
    },
    signal: controller.signal,
    ...args,
  });
  model.dispose();
  return { result, checkpoints, metrics, sampleIds };
}

const devices: ("cpu" | "wasm")[] = ["cpu", "wasm"];
const cases: [name: string, accumulation: number, more: TrainingOptionsInput][] = [
  ["adamw, cosine", 1, {}],
  ["adamw, linear", 3, { schedule: "linear" }],
  ["sgd with momentum, constant", 4, { optimizer: "sgd", momentum: 0.9, schedule: "constant" }],
];

describe.each(devices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  test.each(cases)(
    "%s, accumulation %d: same bytes from every step",
    async (_name, gradientAccumulationSteps, more) => {
      const options = { ...base, ...more, gradientAccumulationSteps };
      const whole = await run(options);
      expect(whole.result.stopReason).toBe("completed");
      expect(whole.result.step).toBe({ 1: 10, 3: 4, 4: 4 }[gradientAccumulationSteps]);

      for (let stopAfter = 1; stopAfter < whole.result.step; stopAfter++) {
        const first = await run(options, { stopAfter });
        expect(first.result).toMatchObject({ stopReason: "signal", signalReason: "enough", step: stopAfter });
        // Through JSON, as a file would have it.
        const saved = first.checkpoints.at(-1)!;
        const resumeFrom = { ...saved, trainer: JSON.parse(JSON.stringify(saved.trainer)) };
        const second = await run(options, { resumeFrom });

        expect(first.checkpoints.map(({ step }) => step)).toEqual(
          [...Array(stopAfter).keys()].map((index) => index + 1),
        );
        // An evaluation that was due where the run stopped comes first, and its checkpoint again: now it knows of it.
        const wasDue = whole.checkpoints[stopAfter - 1]!.trainer.evaluatedAtStep === stopAfter;
        expect(saved.trainer.evaluatedAtStep === stopAfter).toBe(false);
        // toEqual compares the numbers of Float32Arrays one by one, and tells -0 from 0.
        expect(second.checkpoints).toEqual(whole.checkpoints.slice(wasDue ? stopAfter - 1 : stopAfter));
        expect(second.result.trainer).toEqual(whole.result.trainer);
        expect([...first.sampleIds, ...second.sampleIds]).toEqual(whole.sampleIds);
        // Every step once, with its loss, rate, norm and evaluations.
        expect([...first.metrics, ...second.metrics]).toEqual(whole.metrics);
      }
    },
  );
});

test("a finished run and one that stopped early do nothing when they are resumed", async () => {
  const whole = await run(base);
  const again = await run(base, { resumeFrom: whole.checkpoints.at(-1)! });
  expect(again.result).toMatchObject({ stopReason: "completed", step: 10, lossNats: undefined });
  expect(again.checkpoints).toEqual([]);

  const impatient = { ...base, earlyStopping: { patience: 1, minDelta: 100 } };
  const stopped = await run(impatient);
  expect(stopped.result).toMatchObject({ stopReason: "earlyStopping", step: 4 });
  const resumed = await run(impatient, { resumeFrom: stopped.checkpoints.at(-1)! });
  expect(resumed.result).toMatchObject({ stopReason: "earlyStopping", step: 4 });
});

test("an evaluation that a stop kept from being made comes first when the run is resumed", async () => {
  const whole = await run(base);
  const first = await run(base, { stopAfter: 4 });
  expect(first.metrics.filter(({ split }) => split === "validation").map(({ step }) => step)).toEqual([2, 2]);
  expect(first.checkpoints.at(-1)!.evaluation).toBeUndefined();
  const second = await run(base, { resumeFrom: first.checkpoints.at(-1)! });
  expect(second.metrics[0]).toMatchObject({ step: 4, split: "validation", metric: "loss" });
  expect(second.metrics[0]).toEqual(whole.metrics.find(({ step, split }) => step === 4 && split === "validation"));
});

describe("a checkpoint that does not fit is refused", () => {
  let checkpoint: TrainingCheckpoint;
  beforeAll(async () => {
    checkpoint = (await run({ ...base, maxSteps: 3 })).checkpoints[1]!;
  });
  const options = { ...base, maxSteps: 3 };
  const without = <Value>(map: ReadonlyMap<string, Value>, name: string) =>
    new Map([...map].filter(([key]) => key !== name));

  test.each<[string, Partial<TrainArguments> & { options?: TrainingOptionsInput }, string]>([
    [
      "other options",
      { options: { ...options, learningRate: 0.03, betas: [0.9, 0.99] } },
      "betas: saved [0.9,0.95], now [0.9,0.99]; learningRate: saved 0.02, now 0.03",
    ],
    ["another seed", { seed: 8 }, "seed: saved 7, now 8"],
    ["other data", { data: tinySource({ samples: 11 }) }, "samplesPerEpoch: saved 10, now 11"],
    ["another optimizer", { options: { ...options, optimizer: "sgd" } }, 'optimizer: saved "adamw", now "sgd"'],
  ])("%s: every difference is named", async (_name, change, message) => {
    const resumed = run(options, { ...change, resumeFrom: checkpoint });
    await expect(resumed).rejects.toMatchObject({
      code: "TRAINING_RESUME_DRIFT",
      message: expect.stringContaining(message),
    });
  });

  test("drift that is allowed goes on with what holds now", async () => {
    const resumed = await run({ ...options, maxSteps: 5 }, { resumeFrom: checkpoint, allowDrift: true });
    expect(resumed.result.step).toBe(5);
    expect(resumed.result.trainer.options).toMatchObject({ maxSteps: 5 });
  });

  test("in a shorter epoch than the position the next epoch begins", async () => {
    const { sampleInEpoch, epoch } = checkpoint.trainer;
    expect([epoch, sampleInEpoch]).toEqual([0, 4]);
    const resumed = await run(options, { resumeFrom: checkpoint, allowDrift: true, data: tinySource({ samples: 3 }) });
    expect(resumed.sampleIds.flat().every((sample) => sample < 3)).toBe(true);
    expect(resumed.result.trainer).toMatchObject({ step: 3, epoch: 1, sampleInEpoch: 2 });
  });

  test("what only looks, prints and saves may change", async () => {
    const resumed = await run(
      { ...options, logEverySteps: 1, checkpointEverySteps: 2, evaluationBatchSize: 1 },
      { resumeFrom: checkpoint },
    );
    expect(resumed.result.step).toBe(3);
  });

  test.each<[string, (checkpoint: TrainingCheckpoint) => TrainingCheckpoint, string, string]>([
    [
      "a parameter is missing",
      (c) => ({ ...c, parameters: without(c.parameters, "up.bias") }),
      "TRAINING_RESUME_INVALID",
      "up.bias: expected [16], the checkpoint has no such parameter",
    ],
    [
      "a parameter is unknown",
      (c) => ({ ...c, parameters: new Map([...c.parameters, ["lm_head", c.parameters.get("up.bias")!]]) }),
      "TRAINING_RESUME_INVALID",
      "lm_head: expected a parameter of the model",
    ],
    [
      "a parameter has another shape",
      (c) => ({
        ...c,
        parameters: new Map([
          ...c.parameters,
          ["up.bias", { dtype: "F32", shape: [4, 4], data: new Float32Array(16) }],
        ]),
      }),
      "TRAINING_RESUME_INVALID",
      "up.bias: expected F32 [16], found F32 [4,4]",
    ],
    [
      "values are missing",
      (c) => ({
        ...c,
        parameters: new Map([...c.parameters, ["up.bias", { dtype: "F32", shape: [16], data: new Float32Array(15) }]]),
      }),
      "TRAINING_RESUME_INVALID",
      "up.bias: expected 16 values for [16], found 15",
    ],
    [
      "optimizer state is missing",
      (c) => ({ ...c, optimizer: without(c.optimizer, "up.bias.exp_avg_sq") }),
      "TRAINING_OPTIMIZER_STATE_INVALID",
      "up.bias.exp_avg_sq: expected state [16] before step 3, there is none",
    ],
    [
      "optimizer state is of another kind",
      (c) => ({
        ...c,
        optimizer: new Map([...c.optimizer, ["up.bias.momentum_buffer", c.optimizer.get("up.bias.exp_avg")!]]),
      }),
      "TRAINING_OPTIMIZER_STATE_INVALID",
      "up.bias.momentum_buffer: expected names <parameter>.exp_avg and <parameter>.exp_avg_sq",
    ],
    [
      "optimizer state has another dtype",
      (c) => ({
        ...c,
        optimizer: new Map([
          ...c.optimizer,
          ["up.bias.exp_avg", { dtype: "I32", shape: [16], data: new Int32Array(16) }],
        ]),
      }),
      "TRAINING_RESUME_INVALID",
      "optimizer state up.bias.exp_avg: expected F32, found I32",
    ],
    [
      "optimizer state has another shape",
      (c) => ({
        ...c,
        optimizer: new Map([
          ...c.optimizer,
          ["up.bias.exp_avg", { dtype: "F32", shape: [8], data: new Float32Array(8) }],
        ]),
      }),
      "TRAINING_OPTIMIZER_STATE_INVALID",
      "up.bias.exp_avg: expected [16] as its parameter has, found [8]",
    ],
    [
      "the position is past the epoch",
      (c) => ({ ...c, trainer: { ...c.trainer, sampleInEpoch: 10 } }),
      "TRAINING_RESUME_INVALID",
      "sampleInEpoch 10 is not below samplesPerEpoch 10",
    ],
    [
      "the state is of a newer schema",
      (c) => ({ ...c, trainer: { ...c.trainer, schemaVersion: 2 as 1 } }),
      "TRAINING_RESUME_INVALID",
      "expected schemaVersion 1, found 2",
    ],
    ["the state is of another step", (c) => ({ ...c, step: 1 }), "TRAINING_RESUME_INVALID", "it says step 2"],
    [
      "the position is not a number",
      (c) => ({ ...c, trainer: { ...c.trainer, sampleInEpoch: null as never } }),
      "TRAINING_RESUME_INVALID",
      "expected sampleInEpoch to be a whole number from 0, found null",
    ],
    [
      "there is no state",
      (c) => ({ ...c, trainer: null as never }),
      "TRAINING_RESUME_INVALID",
      "expected an object, found null",
    ],
  ])("%s", async (_name, change, code, message) => {
    const resumed = run(options, { resumeFrom: change(checkpoint) });
    await expect(resumed).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
