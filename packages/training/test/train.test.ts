import { selectDevice } from "@codex/tensor";
import {
  createSgd,
  type HostBatch,
  type MetricValue,
  restoreCheckpoint,
  type StepEvent,
  type TrainArguments,
  type TrainingCheckpoint,
  type TrainingEvent,
  type TrainingOptionsInput,
  train,
} from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";
import { createTinyModel, type TinyModel, tinyBatch, tinyEvaluation, tinySource } from "./tiny-model.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const base: TrainingOptionsInput = { batchSize: 2, learningRate: 0.02, logEverySteps: 0, evaluationEverySteps: 0 };

/** Trains a tiny model and keeps its events. */
async function run(options: TrainingOptionsInput, args: Partial<TrainArguments> = {}) {
  const model = args.model ?? createTinyModel();
  const events: TrainingEvent[] = [];
  const result = await train({
    data: tinySource(),
    seed: 7,
    onEvent: (event) => void events.push(event),
    ...args,
    model,
    options: { ...base, ...options },
  });
  const steps = events.filter((event): event is StepEvent => event.type === "step");
  return { model: model as TinyModel, result, events, steps };
}

function weightsOf(model: TinyModel): Map<string, number[]> {
  return new Map([...model.parameters()].map(([name, { variable }]) => [name, [...variable.dataSync()]]));
}

test("the loss falls from near ln(V) towards what the data allows", async () => {
  const { result, steps, model } = await run({ maxSteps: 120, batchSize: 5 });
  expect(steps[0]!.lossNats).toBeGreaterThan(2.5);
  expect(result.lossNats).toBeLessThan(0.2); // the next id follows from the last
  expect(result.lossNats).toBe(steps.at(-1)!.lossNats);
  model.dispose();
});

describe("gradient accumulation", () => {
  test("k micro-batches give what one batch k times as large gives, with unequal numbers of targets", async () => {
    const counts = [0, 1, 2, 3, 4, 5].map(
      (sample) => tinyBatch([sample]).labels.filter((label) => label !== -100).length,
    );
    expect(new Set(counts).size).toBeGreaterThan(1);
    const data = tinySource({ samples: 12 });
    const big = await run({ maxSteps: 6, batchSize: 6 }, { data });
    const small = await run({ maxSteps: 6, batchSize: 2, gradientAccumulationSteps: 3 }, { data });
    expect(small.steps.map(({ sampleIds }) => sampleIds)).toEqual(big.steps.map(({ sampleIds }) => sampleIds));
    for (const [index, { lossNats, gradientNorm, targets }] of big.steps.entries()) {
      expect(Math.abs(small.steps[index]!.lossNats - lossNats)).toBeLessThan(1e-6);
      expect(Math.abs(small.steps[index]!.gradientNorm - gradientNorm)).toBeLessThan(1e-6);
      expect(small.steps[index]!.targets).toBe(targets);
    }
    for (const [name, values] of weightsOf(big.model)) {
      weightsOf(small.model)
        .get(name)!
        .forEach((value, index) => {
          expect(Math.abs(value - values[index]!)).toBeLessThan(1e-6);
        });
    }
    big.model.dispose();
    small.model.dispose();
  });

  test("a step with one target in all has the gradient of that target", async () => {
    const single = tinyBatch([0], { length: 2 });
    single.labels.set([5, -100]);
    const both = { ...tinyBatch([0, 0], { length: 2 }), labels: Int32Array.of(5, -100, 5, -100) };
    const [one, two] = await Promise.all(
      [single, both].map((batch) =>
        run({ maxSteps: 1, batchSize: batch.rows }, { data: { samplesPerEpoch: batch.rows, batch: () => batch } }),
      ),
    );
    expect([one!, two!].map(({ steps }) => steps[0]!.targets)).toEqual([1, 2]);
    expect(one!.steps[0]!.gradientNorm).toBeCloseTo(two!.steps[0]!.gradientNorm, 6);
  });

  test("every micro-step of every step has a dropout key of its own, a function of the seed; evaluation has none", async () => {
    const keysOf = async (seed: number) => {
      const tiny = createTinyModel();
      const keys: string[] = [];
      const model: TinyModel = {
        ...tiny,
        loss(batch, context) {
          expect(context.dropoutKey === undefined).toBe(!context.training);
          if (context.training) keys.push(context.dropoutKey!.join());
          return tiny.loss(batch, context);
        },
      };
      const options = { maxSteps: 2, gradientAccumulationSteps: 3, evaluationEverySteps: 1 };
      await run(options, { model, seed, evaluation: tinyEvaluation() });
      return keys;
    };
    const keys = await keysOf(7);
    expect(new Set(keys).size).toBe(5); // 10 samples in batches of 2: three micro-steps, and the two that are left
    expect(await keysOf(7)).toEqual(keys);
    expect(new Set([...keys, ...(await keysOf(8))]).size).toBe(10);
  });

  test("the last window of an epoch takes what is left, and each sample is used once per epoch", async () => {
    const { steps, events, result } = await run(
      { epochs: 2, batchSize: 2, gradientAccumulationSteps: 2 },
      { data: tinySource({ samples: 7 }) },
    );
    expect(steps.map(({ sampleIds }) => sampleIds.length)).toEqual([4, 3, 4, 3]);
    for (const epoch of [0, 1]) {
      const seen = steps.filter((step) => step.epoch === epoch).flatMap(({ sampleIds }) => sampleIds);
      expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
    expect(events.filter(({ type }) => type === "epoch")).toEqual([
      { type: "epoch", step: 2, epoch: 0 },
      { type: "epoch", step: 4, epoch: 1 },
    ]);
    expect(result).toMatchObject({ step: 4, stopReason: "completed", tokensSeen: 14 * 6 });
    expect(result.trainer).toMatchObject({ epoch: 2, sampleInEpoch: 0 });
  });

  test("an abort inside a window takes effect at its end", async () => {
    const controller = new AbortController();
    const source = tinySource();
    const data = {
      samplesPerEpoch: 10,
      batch(epoch: number, index: number, rows: number): HostBatch {
        if (index === 2) controller.abort();
        return source.batch(epoch, index, rows);
      },
    };
    const { result, steps } = await run(
      { maxSteps: 9, gradientAccumulationSteps: 3 },
      { data, signal: controller.signal },
    );
    expect(result).toMatchObject({ stopReason: "signal", step: 1 });
    expect(steps[0]!.sampleIds).toHaveLength(6);
  });
});

test("overfitBatch learns one batch by heart", async () => {
  const { steps } = await run({ maxSteps: 60, overfitBatch: true });
  expect(new Set(steps.map(({ sampleIds }) => sampleIds.join())).size).toBe(1);
  expect(steps.at(-1)!.lossNats).toBeLessThan(0.05);
});

test("timers and signals run between steps", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort("later"), 0);
  const { result } = await run({ maxSteps: 100_000 }, { signal: controller.signal });
  expect(result).toMatchObject({ stopReason: "signal", signalReason: "later" });
  expect(result.step).toBeLessThan(100_000);
});

test("an abort during a save costs no step more, and no save", async () => {
  const controller = new AbortController();
  const saved: number[] = [];
  const checkpoints = {
    async save({ step }: { step: number }) {
      saved.push(step);
      if (step === 2) controller.abort();
      return { path: "" };
    },
  };
  const { result } = await run({ maxSteps: 5, checkpointEverySteps: 1 }, { checkpoints, signal: controller.signal });
  expect(result).toMatchObject({ stopReason: "signal", step: 2 });
  expect(saved).toEqual([1, 2]);
});

test("a checkpoint shares no memory with the run, nor with the model that it is put back into", async () => {
  const model = createTinyModel();
  const optimizer = createSgd({ momentum: 0.9 });
  const saved: TrainingCheckpoint[] = [];
  const checkpoints = {
    async save(checkpoint: TrainingCheckpoint) {
      saved.push(checkpoint);
      return { path: "" };
    },
  };
  await run({ maxSteps: 1 }, { model, optimizer, checkpoints });
  const checkpoint = structuredClone(saved[0]!);
  const variables = () => [
    ...[...model.parameters().values()].map(({ variable }) => variable),
    ...optimizer.state().values(),
  ];
  const scribbleInto = ({ parameters, optimizer }: TrainingCheckpoint) => {
    for (const { data } of [...parameters.values(), ...optimizer.values()]) data.fill(1e9);
  };
  scribbleInto(saved[0]!);
  for (const variable of variables()) expect(Math.max(...variable.dataSync())).toBeLessThan(1e3);
  restoreCheckpoint(checkpoint, model, optimizer);
  scribbleInto(checkpoint);
  for (const variable of variables()) expect(Math.max(...variable.dataSync())).toBeLessThan(1e3);
});

test("a signal that was aborted before the start takes no step and saves nothing", async () => {
  const saved: number[] = [];
  const { result } = await run(
    { maxSteps: 3, evaluationEverySteps: 1, evaluationOnStart: true },
    {
      signal: AbortSignal.abort("no"),
      evaluation: tinyEvaluation(),
      checkpoints: { save: async ({ step }) => ({ path: String(saved.push(step)) }) },
    },
  );
  expect(result).toMatchObject({ step: 0, stopReason: "signal", evaluation: undefined, checkpoint: undefined });
  expect(saved).toEqual([]);
});

test("events come in this order: step, epoch, evaluation, sample, checkpoint", async () => {
  const { events, result } = await run(
    {
      maxSteps: 4,
      batchSize: 5,
      evaluationEverySteps: 2,
      evaluationOnStart: true,
      sampleEverySteps: 2,
      checkpointEverySteps: 3,
      logEverySteps: 3,
    },
    {
      evaluation: tinyEvaluation(7, 2),
      sample: (step) => `text of step ${step}`,
      checkpoints: { save: async ({ step }) => ({ path: `step-${step}` }) },
    },
  );
  expect(events.map((event) => `${event.type} ${event.step}`)).toEqual([
    ...["start 0", "evaluation 0"],
    ...["step 1"],
    ...["step 2", "epoch 2", "evaluation 2", "sample 2"],
    ...["step 3", "progress 3", "checkpoint 3"],
    ...["step 4", "progress 4", "epoch 4", "evaluation 4", "sample 4", "checkpoint 4"],
    ...["stop 4"],
  ]);
  expect(events.every((event) => Object.isFrozen(event))).toBe(true);
  expect(events[0]).toEqual({
    type: "start",
    step: 0,
    maxSteps: 4,
    resumed: false,
    trainableParameters: 17 * 8 + 16 * 8 + 16 + 17 * 16,
    frozenParameters: 0,
  });
  expect(events.find(({ type }) => type === "sample")).toEqual({ type: "sample", step: 2, text: "text of step 2" });
  expect(result.checkpoint).toEqual({ step: 4, path: "step-4" });
  expect(result.evaluation!.lossNats).toBe(result.trainer.bestEvaluation!.lossNats);
});

test("the share of the peak is what the model does over what the processor can", async () => {
  const { events } = await run({ maxSteps: 1, logEverySteps: 1 }, { flopsPerToken: 600, peakFlops: 1e9 });
  const progress = events.find((event) => event.type === "progress")!;
  expect(progress.shareOfPeak).toBeCloseTo((progress.tokensPerSecond * 600) / 1e9, 12);
  expect(progress.memoryBytes).toBeGreaterThan(0);
  expect(progress.peakMemoryBytes).toBeGreaterThanOrEqual(progress.memoryBytes / 2);
  expect(progress.timeLeftMs).toBe(0);
});

test("every step has its metrics once, and what is not reproducible is tagged", async () => {
  const records: MetricValue[] = [];
  const { steps } = await run(
    { maxSteps: 3, evaluationEverySteps: 2 },
    { metrics: { metric: async (record) => void records.push(record) }, evaluation: tinyEvaluation(7, 2) },
  );
  const keys = records.map(
    ({ step, split, metric, tags }) => `${step} ${split} ${metric}${tags ? ` ${tags["kind"]}` : ""}`,
  );
  const ofStep = (step: number) => [
    `${step} train loss`,
    `${step} train learning_rate`,
    `${step} train gradient_norm`,
    `${step} train tokens_seen`,
    `${step} train tokens_per_second throughput`,
    `${step} train step_time_ms throughput`,
  ];
  const evaluated = (step: number) =>
    ["loss", "perplexity", "bits_per_byte"].map((metric) => `${step} validation ${metric}`);
  expect(keys).toEqual([...ofStep(1), ...ofStep(2), ...evaluated(2), ...ofStep(3), ...evaluated(3)]);
  expect(
    records.filter(({ metric, split }) => metric === "loss" && split === "train").map(({ value }) => value),
  ).toEqual(steps.map(({ lossNats }) => lossNats));
  expect(records.filter(({ metric }) => metric === "tokens_seen").map(({ value }) => value)).toEqual([12, 24, 36]);
});

test("a sink that fails ends the run with its own error, and the failure is an event", async () => {
  const full = new Error("no space left on device");
  const events: TrainingEvent[] = [];
  const failing = run(
    { maxSteps: 3 },
    {
      metrics: {
        metric: ({ step }) => {
          if (step === 2) throw full;
        },
      },
      onEvent: (event) => void events.push(event),
    },
  );
  await expect(failing).rejects.toBe(full);
  expect(events.at(-1)).toEqual({
    type: "failure",
    step: 2,
    code: undefined,
    message: full.message,
    notFinite: undefined,
  });
});

test("early stopping ends the run at the evaluation that used up the patience, and saves", async () => {
  const { result, events } = await run(
    { maxSteps: 50, evaluationEverySteps: 2, earlyStopping: { patience: 2, minDelta: 50 }, checkpointEverySteps: 0 },
    { evaluation: tinyEvaluation(), checkpoints: { save: async ({ step }) => ({ path: `step-${step}` }) } },
  );
  // The first evaluation sets the mark, two more do not beat it by 50 nats.
  expect(result).toMatchObject({ stopReason: "earlyStopping", step: 6, checkpoint: { step: 6 } });
  expect(events.at(-1)).toEqual({ type: "stop", step: 6, reason: "earlyStopping" });
});

test("document and position ids reach the model, in training and in evaluation", async () => {
  const model = createTinyModel();
  const ids = (batch: HostBatch): HostBatch => ({
    ...batch,
    documentIds: batch.inputIds.map((_, index) => Math.floor(index / 3)),
    positionIds: batch.inputIds.map((_, index) => index % 3),
  });
  const seen: unknown[] = [];
  await run(
    { maxSteps: 1, evaluationEverySteps: 1, batchSize: 1 },
    {
      model: {
        parameters: () => model.parameters(),
        loss(batch, context) {
          seen.push([
            context.training,
            batch.documentIds!.arraySync(),
            batch.positionIds!.arraySync(),
            batch.labels.dtype,
          ]);
          return model.loss(batch, context);
        },
      },
      data: { samplesPerEpoch: 1, batch: () => ids(tinyBatch([1])) },
      evaluation: { batches: () => [ids(tinyBatch([2]))] },
    },
  );
  const expected = [[[0, 0, 0, 1, 1, 1]], [[0, 1, 2, 0, 1, 2]], "int32"];
  expect(seen).toEqual([
    [true, ...expected],
    [false, ...expected],
  ]);
  model.dispose();
});

describe("parameters", () => {
  test("frozen ones are not touched, and cost no optimizer state", async () => {
    const model = createTinyModel();
    model.parameters().get("embed.weight")!.trainable = false;
    const before = weightsOf(model);
    let state: string[] = [];
    const { events } = await run(
      { maxSteps: 2 },
      {
        model,
        checkpoints: {
          async save({ optimizer }) {
            state = [...optimizer.keys()];
            return { path: "" };
          },
        },
      },
    );
    const after = weightsOf(model);
    expect(after.get("embed.weight")).toEqual(before.get("embed.weight"));
    expect(after.get("head.weight")).not.toEqual(before.get("head.weight"));
    expect(state.filter((name) => name.startsWith("embed"))).toEqual([]);
    expect(state).toContain("head.weight.exp_avg_sq");
    expect(events[0]).toMatchObject({ frozenParameters: 17 * 8 });
  });

  test("groups change decay and learning rate by name; the first that fits holds", async () => {
    const model = createTinyModel();
    const before = weightsOf(model);
    // All labels but one are left out and gradients are clipped to nothing: what is left is decay.
    await run(
      {
        maxSteps: 1,
        optimizer: "sgd",
        schedule: "constant",
        learningRate: 0.5,
        maxGradNorm: 1e-20,
        weightDecay: 0.1,
        parameterGroups: [
          { pattern: "up.*", weightDecay: 0.2 },
          { pattern: "head.*", learningRateMultiplier: 0.5 },
          { pattern: "*", weightDecay: 0 },
        ],
      },
      { model },
    );
    const after = weightsOf(model);
    const shrink: Record<string, number> = {
      "embed.weight": 1,
      "up.weight": 0.9,
      "up.bias": 0.9,
      "head.weight": 1 - 0.25 * 0.1,
    };
    for (const [name, factor] of Object.entries(shrink)) {
      after.get(name)!.forEach((value, index) => {
        expect(value).toBeCloseTo(before.get(name)![index]! * factor, 6);
      });
    }
  });

  test("by default matrices decay and vectors do not", async () => {
    const model = createTinyModel();
    const before = weightsOf(model);
    await run(
      { maxSteps: 1, optimizer: "sgd", schedule: "constant", learningRate: 0.5, maxGradNorm: 1e-20, weightDecay: 0.1 },
      { model },
    );
    const after = weightsOf(model);
    after.get("head.weight")!.forEach((value, index) => {
      expect(value).toBeCloseTo(before.get("head.weight")![index]! * 0.95, 6);
    });
    expect(after.get("up.bias")).toEqual(before.get("up.bias"));
  });
});

test("memory is flat: no tensor is left by a step, an evaluation, a checkpoint or the run", async () => {
  const model = createTinyModel({ dropoutRate: 0.2 });
  const before = tf.memory().numTensors;
  const counts: number[] = [];
  await run(
    { maxSteps: 12, gradientAccumulationSteps: 2, evaluationEverySteps: 3, checkpointEverySteps: 3 },
    {
      model,
      evaluation: tinyEvaluation(),
      checkpoints: { save: async () => ({ path: "" }) },
      onEvent: ({ type }) => void (type === "step" && counts.push(tf.memory().numTensors)),
    },
  );
  expect(counts).toHaveLength(12);
  expect(new Set(counts)).toEqual(new Set([before + 8])); // two moments of four parameters
  expect(tf.memory().numTensors).toBe(before);
});

describe("refused", () => {
  const noTargets = (batch: HostBatch): HostBatch => ({ ...batch, labels: batch.labels.map(() => -100) });
  const withLabel = (batch: HostBatch, index: number, label: number): HostBatch => ({
    ...batch,
    labels: batch.labels.with(index, label),
  });
  const source = tinySource();

  test.each<[string, TrainingOptionsInput, Partial<TrainArguments>, string, string]>([
    [
      "no data",
      {},
      { data: { ...source, samplesPerEpoch: 0 } },
      "TRAINING_DATA_EMPTY",
      "expected at least one sample, got 0",
    ],
    [
      "a seed that is no whole number",
      {},
      { seed: 0.5 },
      "TRAINING_OPTIONS_INVALID",
      "seed: expected a whole number from 0, got 0.5",
    ],
    [
      "an unknown optimizer",
      { optimizer: "adamx" },
      {},
      "TRAINING_OPTIONS_INVALID",
      'optimizer: expected adamw or sgd, got "adamx"',
    ],
    [
      "an unknown schedule",
      { schedule: "step" },
      {},
      "TRAINING_OPTIONS_INVALID",
      'schedule: expected constant, linear or cosine, got "step"',
    ],
    [
      "a schedule that gives no number",
      {},
      { schedule: () => Number.NaN },
      "TRAINING_OPTIONS_INVALID",
      "schedule: expected a finite learning rate from 0 at step 0, got NaN",
    ],
    [
      "an option that the optimizer does not know",
      { optimizerOptions: { rho: 0.1 } },
      {},
      "TRAINING_OPTIONS_INVALID",
      "must not have additional properties (rho)",
    ],
    [
      "Nesterov without momentum",
      { optimizer: "sgd", nesterov: true },
      {},
      "TRAINING_OPTIONS_INVALID",
      "nesterov: expected momentum above 0",
    ],
    [
      "a pattern without a parameter",
      { parameterGroups: [{ pattern: "lm_head.*" }] },
      {},
      "TRAINING_PARAMETER_GROUP_UNMATCHED",
      'expected pattern "lm_head.*" to fit a trainable parameter, none of 4 does',
    ],
    [
      "no targets in a step",
      {},
      { data: { ...source, batch: (...at) => noTargets(source.batch(...at)) } },
      "TRAINING_NO_TARGETS",
      "step 1, samples",
    ],
    [
      "fewer rows than announced",
      {},
      { data: { ...source, batch: (epoch, index) => source.batch(epoch, index, 1) } },
      "TRAINING_BATCH_INVALID",
      "epoch 0, sample 0: expected a batch of 2 rows and as many sampleIds, got 1 and 1",
    ],
    [
      "rows that are too short",
      {},
      { data: { ...source, batch: (...at) => ({ ...source.batch(...at), sequenceLength: 7 }) } },
      "TRAINING_BATCH_INVALID",
      "expected 2 x 7 ids, got 12",
    ],
    [
      "a token id outside of the vocabulary",
      {},
      { data: tinySource({ vocabSize: 400 }) },
      "TRAINING_BATCH_INVALID",
      ": expected a token id of 0 .. 16, got ",
    ],
    [
      "a label outside of the vocabulary",
      {},
      { data: { ...source, batch: (...at) => withLabel(source.batch(...at), 9, 17) } },
      "TRAINING_BATCH_INVALID",
      ", position 3: expected a token id of 0 .. 16, or -100 for no target, got 17",
    ],
    [
      "a negative label other than -100",
      {},
      { data: { ...source, batch: (...at) => withLabel(source.batch(...at), 0, -1) } },
      "TRAINING_BATCH_INVALID",
      ", position 0: expected a token id of 0 .. 16, or -100 for no target, got -1",
    ],
    [
      "a held-out label outside of the vocabulary",
      { evaluationEverySteps: 1 },
      { evaluation: { batches: () => [withLabel(tinyBatch([41, 42]), 7, 17)] } },
      "TRAINING_BATCH_INVALID",
      "labels of sample 42, position 1: ",
    ],
    [
      "held-out data without targets",
      { evaluationEverySteps: 1 },
      { evaluation: { batches: () => [noTargets(tinyBatch([1]))] } },
      "TRAINING_NO_TARGETS",
      "evaluation: expected held-out data with targets, got none in 1 batches",
    ],
    [
      "empty held-out data",
      { evaluationEverySteps: 1 },
      { evaluation: { batches: () => [] } },
      "TRAINING_NO_TARGETS",
      "got none in 0 batches",
    ],
  ])("%s", async (_name, options, args, code, message) => {
    await expect(run({ maxSteps: 2, ...options }, args)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test("a model that is frozen as a whole", async () => {
    const model = createTinyModel();
    for (const parameter of model.parameters().values()) parameter.trainable = false;
    await expect(run({ maxSteps: 1 }, { model })).rejects.toMatchObject({ code: "TRAINING_MODEL_INVALID" });
  });

  test("a trainable parameter that the loss does not depend on, without a leak", async () => {
    const model = createTinyModel();
    const unused = { name: "unused.weight", variable: tf.variable(tf.zeros([2, 2])), trainable: true };
    const parameters = new Map([...model.parameters(), [unused.name, unused]]);
    const before = tf.memory().numTensors;
    const failing = run({ maxSteps: 1 }, { model: { ...model, parameters: () => parameters } });
    await expect(failing).rejects.toMatchObject({
      code: "TRAINING_NO_GRADIENT",
      message: "unused.weight: expected the loss to depend on it, since it is trainable; it does not",
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
