/** Against PyTorch, transformers and nanoGPT; values made by tools/parity/training/make_golden.py. */
import { readFileSync } from "node:fs";
import {
  createConstantSchedule,
  createCosineSchedule,
  createLinearSchedule,
  type Schedule,
  TrainingError,
} from "@codex/training";

const golden: Record<string, number[]> = JSON.parse(
  readFileSync(new URL("golden/schedules.json", import.meta.url), "utf8"),
);
// The settings of the script.
const options = { learningRate: 0.1, minLearningRate: 0.01, warmupSteps: 5 };
const toZero = { ...options, minLearningRate: 0 };
const run = { maxSteps: 20 };

function expectTrace(schedule: Schedule, expected: readonly number[], from = 0, to = 25): void {
  for (let step = from; step < to; step++) expect(schedule(step)).toBeCloseTo(expected[step]!, 12);
}

test("cosine is nanoGPT's get_lr, warm-up and minimum included, also past the end", () => {
  expectTrace(createCosineSchedule(options, run), golden["nanogpt"]!);
});

test("cosine, linear and constant are PyTorch's LinearLR warm-up in sequence with its schedulers", () => {
  // CosineAnnealingLR swings back up after T_max; a run ends there.
  expectTrace(createCosineSchedule(options, run), golden["torchCosine"]!, 0, 21);
  expectTrace(createLinearSchedule(options, run), golden["torchLinear"]!);
  expectTrace(createConstantSchedule(options), golden["torchConstant"]!);
});

test("after warm-up they are Hugging Face's", () => {
  // Its cosine, too, goes up again after the last step.
  expectTrace(createCosineSchedule(toZero, run), golden["hfCosine"]!, 5, 21);
  expectTrace(createCosineSchedule(options, run), golden["hfCosineWithMin"]!, 5, 21);
  expectTrace(createLinearSchedule(toZero, run), golden["hfLinear"]!, 5);
  expectTrace(createConstantSchedule(options), golden["hfConstant"]!, 5);
});

test("Hugging Face's warm-up is one step behind: its first step has a rate of zero", () => {
  expect(golden["hfLinear"]![0]).toBe(0);
  expect(createLinearSchedule(options, run)(0)).toBeCloseTo(0.1 / 6, 15);
});

test("without warm-up the first step runs at the peak", () => {
  for (const create of [createConstantSchedule, createLinearSchedule, createCosineSchedule]) {
    expect(create({ ...options, warmupSteps: 0 }, run)(0)).toBe(0.1);
  }
});

test("warm-up longer than the run never divides by zero", () => {
  const schedule = createCosineSchedule({ ...options, warmupSteps: 30 }, run);
  expect(schedule(19)).toBeCloseTo((0.1 * 20) / 31, 15);
  expect(schedule(31)).toBe(0.01);
});

test("a minimum above the peak is refused", () => {
  const create = () => createLinearSchedule({ ...options, minLearningRate: 0.2 }, run);
  expect(create).toThrow(TrainingError);
  expect(create).toThrow("minLearningRate: expected at most learningRate 0.1, got 0.2");
});
