import type { TrainTokenizerRequest } from "@codex/pipeline";
import { paint, type Terminal, warningsTo } from "../terminal.ts";

const EVERY_MS = 5000;

interface Observers {
  readonly onProgress: NonNullable<TrainTokenizerRequest["onProgress"]>;
  readonly onPrune: NonNullable<TrainTokenizerRequest["onPrune"]>;
}

/** Tells on standard error how far the training of a tokenizer is, every five seconds, and what was left out. With `--json` it is silent. */
export async function countingProgress(terminal: Terminal, { json }: { readonly json?: boolean }): Promise<Observers> {
  const { trainingProgressText } = await import("@codex/pipeline");
  let last = performance.now();
  return {
    onProgress: (progress) => {
      const now = performance.now();
      if (json || now - last < EVERY_MS) return;
      last = now;
      terminal.err.write(`${paint(terminal, 36, "tokenizer")} ${trainingProgressText(progress)}\n`);
    },
    onPrune: ({ words, occurrences, min_frequency }) => {
      if (json) return;
      const what = `${words} words that occur less than ${min_frequency} times (${occurrences} occurrences)`;
      warningsTo(terminal)(`the disk budget is used up: ${what} were left out, which the manifest records`);
    },
  };
}
