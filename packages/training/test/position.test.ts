import { countSteps } from "@codex/training";
import fc from "fast-check";
import { planStep } from "../src/position.ts";

test("steps per epoch: whole windows, and one for what is left", () => {
  const options = { batchSize: 2, gradientAccumulationSteps: 3 };
  expect(countSteps(11, { ...options, epochs: 1 })).toBe(2); // 6 batches, 3 + 3
  expect(countSteps(13, { ...options, epochs: 2 })).toBe(6); // 7 batches, 3 + 3 + 1
  expect(countSteps(13, { ...options, epochs: 2, maxSteps: 4 })).toBe(4);
  expect(countSteps(13, { ...options, maxSteps: 100 })).toBe(100);
});

test("an epoch is used up exactly, in order, and the step count is the one announced", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 5 }),
      (samples, batchSize, accumulation) => {
        const options = { batchSize, gradientAccumulationSteps: accumulation, overfitBatch: false };
        const steps = countSteps(samples, { ...options, epochs: 2 });
        const seen: string[] = [];
        let position = { epoch: 0, sampleInEpoch: 0 };
        for (let step = 0; step < steps; step++) {
          const { requests, next } = planStep(position, samples, options);
          expect(requests.length).toBeLessThanOrEqual(accumulation);
          for (const { epoch, indexInEpoch, rows } of requests) {
            expect(rows).toBeLessThanOrEqual(batchSize);
            for (let row = 0; row < rows; row++) seen.push(`${epoch}:${indexInEpoch + row}`);
          }
          position = next;
        }
        expect(position).toEqual({ epoch: 2, sampleInEpoch: 0 });
        expect(seen).toEqual([0, 1].flatMap((epoch) => [...Array(samples).keys()].map((index) => `${epoch}:${index}`)));
      },
    ),
    { seed: 3, numRuns: 100 },
  );
});

test("overfitting one batch stays on the first step's samples", () => {
  const options = { batchSize: 2, gradientAccumulationSteps: 2, overfitBatch: true };
  const first = planStep({ epoch: 0, sampleInEpoch: 0 }, 11, options);
  expect(first.requests).toEqual([
    { epoch: 0, indexInEpoch: 0, rows: 2 },
    { epoch: 0, indexInEpoch: 2, rows: 2 },
  ]);
  expect(planStep(first.next, 11, options)).toEqual(first);
});
