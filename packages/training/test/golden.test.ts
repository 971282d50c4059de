/** 20 steps of a tiny model against PyTorch, made by tools/parity/training/make_golden.py. */
import { readFileSync } from "node:fs";
import { type StepEvent, type TrainingOptionsInput, train } from "@codex/training";
import { tensor } from "@tensorflow/tfjs-core";
import { devices, selectDevice } from "./devices.ts";
import { createTinyModel, tinyBatch } from "./tiny-model.ts";

const golden = (file: string) => readFileSync(new URL(`golden/${file}`, import.meta.url), "utf8");
const weights = JSON.parse(golden("weights.json"));

// Float32 sums in another order than PyTorch's. Measured on cpu and wasm: losses 1.0e-7 (relative), norms 2.2e-7 (relative),
// weights after 20 steps 3.6e-7 (absolute).
const LOSS_TOLERANCE = 1e-6;
const NORM_TOLERANCE = 2e-6;
const WEIGHT_TOLERANCE = 4e-6;

const runs: [name: "adamw" | "sgd", options: TrainingOptionsInput][] = [
  ["adamw", { optimizer: "adamw", betas: [0.9, 0.95], eps: 1e-8 }],
  ["sgd", { optimizer: "sgd", momentum: 0.9, nesterov: true }],
];

describe.each(devices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  test.each(runs)(
    "%s, cosine schedule, accumulation with a remainder and clipping are PyTorch's",
    async (name, options) => {
      const model = createTinyModel();
      for (const [parameter, { variable }] of model.parameters()) {
        const values = Float32Array.from(weights[name].start[parameter]);
        variable.assign(tensor(values, variable.shape));
      }
      const steps: StepEvent[] = [];
      const samples = [...Array(11).keys()];
      await train({
        model,
        data: { samplesPerEpoch: 11, batch: (_epoch, index, rows) => tinyBatch(samples.slice(index, index + rows)) },
        options: {
          ...options,
          maxSteps: 20,
          batchSize: 2,
          gradientAccumulationSteps: 2,
          learningRate: 0.02,
          minLearningRate: 0.002,
          warmupSteps: 4,
          maxGradNorm: 0.25,
          weightDecay: 0.1,
        },
        seed: 0,
        onEvent: (event) => {
          if (event.type === "step") steps.push(event);
        },
      });
      const expected = golden(`${name}.txt`)
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.split(" ").map(Number));
      expect(steps).toHaveLength(20);
      for (const [index, [step, learningRate, loss, norm]] of expected.entries()) {
        const actual = steps[index]!;
        expect(actual.step).toBe(step);
        expect(actual.learningRate).toBeCloseTo(learningRate!, 14);
        expect(Math.abs(actual.lossNats / loss! - 1)).toBeLessThan(LOSS_TOLERANCE);
        expect(Math.abs(actual.gradientNorm / norm! - 1)).toBeLessThan(NORM_TOLERANCE);
      }
      for (const [parameter, { variable }] of model.parameters()) {
        const end: number[] = weights[name].end[parameter];
        (await variable.data()).forEach((value, index) => {
          expect(Math.abs(value - end[index]!)).toBeLessThan(WEIGHT_TOLERANCE);
        });
      }
      model.dispose();
    },
  );
});
