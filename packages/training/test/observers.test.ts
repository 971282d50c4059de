/** Observers cannot change a run. */
import { selectDevice } from "@codex/tensor";
import { type TrainArguments, type TrainingEvent, type TrainingObserver, train } from "@codex/training";
import { createTinyModel, tinySource } from "./tiny-model.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const run = async (onEvent: TrainArguments["onEvent"]) => {
  const model = createTinyModel();
  const result = await train({
    model,
    data: tinySource(),
    options: { maxSteps: 4, batchSize: 2, logEverySteps: 1, warmupSteps: 2 },
    seed: 7,
    ...(onEvent && { onEvent }),
  });
  const weights = [...model.parameters().values()].map(({ variable }) => [...variable.dataSync()]);
  model.dispose();
  return { result, weights };
};

test("one that throws at every event is reported once, to the others and in the result", async () => {
  const quiet = await run(undefined);
  const seen: TrainingEvent[] = [];
  let calls = 0;
  const { result, weights } = await run([
    () => {
      calls += 1;
      throw new Error("pipe is full");
    },
    (event) => void seen.push(event),
  ]);
  expect(weights).toEqual(quiet.weights);
  const warning = {
    type: "warning",
    step: 0,
    code: "TRAINING_OBSERVER_FAILED",
    message: "an observer failed on the start event of step 0: pipe is full. Its later failures are not reported.",
  };
  expect(result.warnings).toEqual([warning]);
  expect(seen.filter(({ type }) => type === "warning")).toEqual([warning]);
  expect(calls).toBe(seen.length); // it is still told everything
});

test("one that rejects later does not end the process", async () => {
  const rejecting = (async (event: TrainingEvent) => {
    if (event.type === "step") throw new Error(`no ${event.step}`);
  }) as TrainingObserver;
  const { result } = await run(rejecting);
  expect(result.warnings.map(({ message }) => message)).toEqual([
    expect.stringContaining("an observer failed on the step event of step 1: no 1"),
  ]);
});

test("one that writes into an event, and into what it holds, changes nothing", async () => {
  const quiet = await run(undefined);
  const { result, weights } = await run((event) => {
    if (event.type !== "step") return;
    expect(() => (event.sampleIds as number[]).push(3)).toThrow("not extensible");
    expect(() => Object.assign(event, { lossNats: Number.NaN })).toThrow("read only");
  });
  expect(result.warnings).toEqual([]);
  expect(weights).toEqual(quiet.weights);
});

test("settings that cannot have been meant are warnings", async () => {
  const seen: TrainingEvent[] = [];
  await train({
    model: createTinyModel(),
    data: tinySource(),
    options: { maxSteps: 2, warmupSteps: 2, earlyStopping: { patience: 1, minDelta: 0 } },
    seed: 7,
    onEvent: (event) => void seen.push(event),
  });
  expect(seen.flatMap((event) => (event.type === "warning" ? [event.code] : []))).toEqual([
    "TRAINING_WARMUP_UNFINISHED",
    "TRAINING_EVALUATION_MISSING",
  ]);
});
