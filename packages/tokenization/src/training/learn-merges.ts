import { pause } from "./corpus.ts";
import { type MergeTraining, type TrainedMerges, trainMerges } from "./merge-trainer.ts";

export interface MergeProgress {
  readonly tokens: number;
  readonly vocabSize: number;
  readonly tokensPerSecond: number;
  /** If the merges to come take as long as those before; mostly they are faster. */
  readonly secondsLeft: number;
}

const MERGES_BETWEEN_PAUSES = 64;

/** Runs `trainMerges`, letting timers and signals run in between. */
export async function learnMerges(
  training: MergeTraining,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((progress: MergeProgress) => void) | undefined },
): Promise<TrainedMerges> {
  const { vocabSize } = training;
  const startMs = performance.now();
  const tell = (tokens: number): void => {
    const tokensPerSecond = (1000 * (tokens - training.tokens.length)) / Math.max(performance.now() - startMs, 1);
    const secondsLeft = tokens < vocabSize ? (vocabSize - tokens) / Math.max(tokensPerSecond, 1e-9) : 0;
    onProgress?.({ tokens, vocabSize, tokensPerSecond, secondsLeft });
  };
  const steps = trainMerges(training);
  let step = steps.next();
  for (let merges = 1; step.done !== true; merges++, step = steps.next()) {
    if (merges % MERGES_BETWEEN_PAUSES !== 0) continue;
    tell(step.value);
    await pause(signal);
  }
  tell(step.value.tokens.length);
  return step.value;
}
