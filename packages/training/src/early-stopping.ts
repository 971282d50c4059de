import type { EarlyStoppingOptions } from "./options.ts";
import type { TrainerState } from "./trainer-state.ts";

type Progress = Pick<TrainerState, "bestEvaluation" | "earlyStopping">;

/**
 * Counts evaluations in a row that did not lower the held-out loss by more than `minDelta`. As in Keras, the loss to beat
 * moves only on an improvement, so that a slow fall of less than `minDelta` at a time still counts once it has added up.
 */
export function recordEvaluation(state: Progress, step: number, lossNats: number, minDelta: number): Progress {
  const { referenceLossNats, evaluationsWithoutImprovement } = state.earlyStopping;
  const improved = referenceLossNats === null || lossNats < referenceLossNats - minDelta;
  return {
    bestEvaluation:
      state.bestEvaluation === null || lossNats < state.bestEvaluation.lossNats
        ? { step, lossNats }
        : state.bestEvaluation,
    earlyStopping: improved
      ? { referenceLossNats: lossNats, evaluationsWithoutImprovement: 0 }
      : { referenceLossNats, evaluationsWithoutImprovement: evaluationsWithoutImprovement + 1 },
  };
}

export function patienceIsExhausted(state: Progress, options: EarlyStoppingOptions | undefined): boolean {
  return options !== undefined && state.earlyStopping.evaluationsWithoutImprovement >= options.patience;
}
