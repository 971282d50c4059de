import { createAdamW, createCosineSchedule, createSgd, parseTrainingOptions, TrainingOptions } from "@codex/training";
import type { TSchema } from "typebox";

test("defaults are filled in and the input is left alone", () => {
  const input = { maxSteps: 5 };
  const options = parseTrainingOptions(input);
  expect(input).toEqual({ maxSteps: 5 });
  expect(options).toMatchObject({
    learningRate: 3e-4,
    betas: [0.9, 0.95],
    eps: 1e-8,
    weightDecay: 0.1,
    maxGradNorm: 1,
    batchSize: 8,
    gradientAccumulationSteps: 1,
    optimizer: "adamw",
    schedule: "cosine",
  });
  expect(options.earlyStopping).toBeUndefined();
  expect(parseTrainingOptions(options)).toEqual(options);
});

test("defaults reach into early stopping", () => {
  expect(parseTrainingOptions({ maxSteps: 5, earlyStopping: { patience: 2 } as never }).earlyStopping).toEqual({
    patience: 2,
    minDelta: 0,
  });
});

test.each<[string, object, string]>([
  ["an unknown key", { maxSteps: 1, learningrate: 1 }, "learningrate"],
  ["a wrong type", { maxSteps: 1, batchSize: "8" }, "batchSize: must be integer"],
  ["a number out of range", { maxSteps: 1, learningRate: 0 }, "learningRate: must be > 0"],
  ["one beta", { maxSteps: 1, betas: [0.9] }, "betas"],
  ["a nested wrong type", { maxSteps: 1, earlyStopping: { patience: 0 } }, "earlyStopping.patience: must be >= 1"],
  ["no end", {}, "expected maxSteps or epochs, got neither"],
  [
    "early stopping without evaluation",
    { maxSteps: 1, earlyStopping: { patience: 1 }, evaluationEverySteps: 0 },
    "evaluationEverySteps above 0",
  ],
])("%s is refused by name", (_name, input, message) => {
  expect(() => parseTrainingOptions(input)).toThrow(
    expect.objectContaining({ code: "TRAINING_OPTIONS_INVALID", message: expect.stringContaining(message) }),
  );
});

test("every option says what it is", () => {
  for (const [name, schema] of Object.entries<TSchema>(TrainingOptions.properties)) {
    const { description, type } = schema as { description?: string; type?: string };
    if (type !== "object" || name !== "earlyStopping") expect([name, description]).toEqual([name, expect.any(String)]);
  }
});

test("an optimizer and a schedule take their own defaults, and refuse what is not theirs", () => {
  expect(createCosineSchedule({ warmupSteps: 2 }, { maxSteps: 10 })(2)).toBe(3e-4);
  expect(() => createAdamW({ momentum: 0.9 } as never)).toThrow(
    "options: must not have additional properties (momentum)",
  );
  expect(() => createSgd({ momentum: 1 })).toThrow("momentum: must be < 1");
});
