import { nativeLibrary } from "../native/binding.ts";
import { pause } from "./corpus.ts";
import { joinTokens, type MergeTraining, type TrainedMerges, trainMerges } from "./merge-trainer.ts";

export interface MergeProgress {
  readonly tokens: number;
  readonly vocabSize: number;
  readonly tokensPerSecond: number;
  /** If the merges to come take as long as those before; mostly they are faster. */
  readonly secondsLeft: number;
}

const MERGES_BETWEEN_PAUSES = 64;

interface LearnMergesOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: MergeProgress) => void) | undefined;
}

/** Learns merges with the native library, or without it, with the same result, letting timers and signals run in between. */
export async function learnMerges(training: MergeTraining, options: LearnMergesOptions): Promise<TrainedMerges> {
  const { vocabSize } = training;
  const startMs = performance.now();
  const tell = (tokens: number): void => {
    const tokensPerSecond = (1000 * (tokens - training.tokens.length)) / Math.max(performance.now() - startMs, 1);
    const secondsLeft = tokens < vocabSize ? (vocabSize - tokens) / Math.max(tokensPerSecond, 1e-9) : 0;
    options.onProgress?.({ tokens, vocabSize, tokensPerSecond, secondsLeft });
  };
  const step = async (tokens: number): Promise<void> => {
    tell(tokens);
    await pause(options.signal);
  };
  const result = (await runNative(training, step)) ?? (await runTypeScript(training, step));
  tell(result.tokens.length);
  return result;
}

async function runTypeScript(training: MergeTraining, step: (tokens: number) => Promise<void>): Promise<TrainedMerges> {
  const steps = trainMerges(training);
  for (let merges = 1; ; merges++) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (merges % MERGES_BETWEEN_PAUSES === 0) await step(value);
  }
}

/** @returns undefined without the library, and for what it does not do */
async function runNative(
  training: MergeTraining,
  step: (tokens: number) => Promise<void>,
): Promise<TrainedMerges | undefined> {
  const { binding } = nativeLibrary();
  if (binding === undefined || training.symbols.length + training.counts.length >= MAX_NATIVE_SYMBOLS) return undefined;
  const { symbols, byteIds, reserved, continuingPrefix = "", ...rest } = training;
  const trainer = new binding.NativeMergeTrainer({
    ...rest,
    ...(symbols instanceof Uint8Array ? { bytes: symbols, ...(byteIds && { byteIds }) } : { symbols }),
    reserved: [...reserved],
    continuingPrefix,
  });
  for (;;) {
    const state = trainer.run(MERGES_BETWEEN_PAUSES);
    if (state === "shared") return undefined;
    if (state === "done") break;
    await step(trainer.tokenCount());
  }
  const tokens = [...training.tokens];
  const ids = trainer.finish();
  const merges: [string, string][] = [];
  for (let i = 0; i < ids.length; i += 2) {
    const [left, right] = [tokens[ids[i]!]!, tokens[ids[i + 1]!]!];
    merges.push([left, right]);
    tokens.push(joinTokens(left, right, continuingPrefix));
  }
  return { tokens, merges };
}

/** Of the native trainer: positions are 32-bit numbers there. */
const MAX_NATIVE_SYMBOLS = 2 ** 30;
