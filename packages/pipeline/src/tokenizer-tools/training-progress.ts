import type { TrainingProgress } from "@codex/tokenization/registry";

/** How far the training of a tokenizer is, for a person: what is done, the rate, the time left. */
export function trainingProgressText(progress: TrainingProgress): string {
  switch (progress.phase) {
    case "count": {
      const { documents, bytes, bytesPerSecond, secondsLeft } = progress;
      const rate = `${megabytes(bytesPerSecond)} MB/s`;
      return `${count(documents)} documents, ${megabytes(bytes)} MB counted, ${rate}${left(secondsLeft)}`;
    }
    case "merge": {
      const { tokens, vocabSize, tokensPerSecond, secondsLeft } = progress;
      return `${count(tokens)} of ${count(vocabSize)} ids, ${count(Math.round(tokensPerSecond))} ids/s${left(secondsLeft)}`;
    }
    case "prune":
      return `${count(progress.pieces)} pieces, pruned until ${count(progress.vocabSize)} ids are left`;
  }
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function left(seconds: number | undefined): string {
  if (seconds === undefined) return "";
  const whole = Math.ceil(seconds);
  if (whole < 60) return `, ${whole} s left`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `, ${minutes} min ${whole % 60} s left`
    : `, ${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}
