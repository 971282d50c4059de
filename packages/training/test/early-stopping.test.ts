import { patienceIsExhausted, recordEvaluation } from "../src/early-stopping.ts";
import { initialTrainerState } from "../src/trainer-state.ts";

const fresh = initialTrainerState({ seed: 0, samplesPerEpoch: 1, optimizer: "adamw", options: {} });

/** Number of evaluations until patience is exhausted. */
function evaluationsUntilStop(losses: readonly number[], patience: number, minDelta: number): number | undefined {
  let state: Parameters<typeof recordEvaluation>[0] = fresh;
  for (const [index, loss] of losses.entries()) {
    state = recordEvaluation(state, index + 1, loss, minDelta);
    if (patienceIsExhausted(state, { patience, minDelta })) return index + 1;
  }
  return undefined;
}

test("stops after `patience` evaluations in a row without improvement", () => {
  expect(evaluationsUntilStop([3, 2, 2.1, 1.9, 2, 2], 2, 0)).toBe(6);
  expect(evaluationsUntilStop([3, 2, 2.1, 1.9, 2, 1.8], 2, 0)).toBeUndefined();
  expect(evaluationsUntilStop([3, 3], 1, 0)).toBe(2); // equal is no improvement
});

test("falls below minDelta do not count until they have added up", () => {
  expect(evaluationsUntilStop([3, 2.96, 2.92, 2.88], 3, 0.1)).toBeUndefined();
  expect(evaluationsUntilStop([3, 2.98, 2.96, 2.94], 3, 0.1)).toBe(4);
});

test("the best evaluation is the lowest, whatever minDelta says", () => {
  let state: Parameters<typeof recordEvaluation>[0] = fresh;
  for (const [index, loss] of [3, 2.98, 2.99].entries()) state = recordEvaluation(state, index + 1, loss, 0.1);
  expect(state.bestEvaluation).toEqual({ step: 2, lossNats: 2.98 });
});
