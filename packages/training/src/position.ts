/**
 * Where a run stands in its data, as arithmetic. An optimizer step never crosses the end of an epoch: the last one of an
 * epoch takes the micro-batches that are left, as Hugging Face's trainer does, and is weighted by its targets like any other.
 */
import type { TrainingOptions } from "./options.ts";

export interface Position {
  /** From 0. */
  readonly epoch: number;
  /** Samples of the epoch already used. */
  readonly sampleInEpoch: number;
}

/** Arguments of one call of `BatchSource.batch`. */
export interface MicroBatchRequest {
  readonly epoch: number;
  readonly indexInEpoch: number;
  readonly rows: number;
}

type BatchOptions = Pick<TrainingOptions, "batchSize" | "gradientAccumulationSteps" | "overfitBatch">;

/** The micro-batches of the next optimizer step, and where the run stands after it. */
export function planStep(
  position: Position,
  samplesPerEpoch: number,
  options: BatchOptions,
): { readonly requests: readonly MicroBatchRequest[]; readonly next: Position } {
  const { epoch, sampleInEpoch } = position;
  const requests: MicroBatchRequest[] = [];
  let indexInEpoch = sampleInEpoch;
  while (requests.length < options.gradientAccumulationSteps && indexInEpoch < samplesPerEpoch) {
    const rows = Math.min(options.batchSize, samplesPerEpoch - indexInEpoch);
    requests.push({ epoch, indexInEpoch, rows });
    indexInEpoch += rows;
  }
  if (options.overfitBatch) return { requests, next: { epoch, sampleInEpoch } };
  const next =
    indexInEpoch < samplesPerEpoch ? { epoch, sampleInEpoch: indexInEpoch } : { epoch: epoch + 1, sampleInEpoch: 0 };
  return { requests, next };
}

/** Optimizer steps of a run: what a schedule needs to know before the first of them. */
export function countSteps(
  samplesPerEpoch: number,
  options: Pick<TrainingOptions, "batchSize" | "gradientAccumulationSteps" | "epochs" | "maxSteps">,
): number {
  const batchesPerEpoch = Math.ceil(samplesPerEpoch / options.batchSize);
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / options.gradientAccumulationSteps);
  const ofEpochs = options.epochs === undefined ? Number.POSITIVE_INFINITY : options.epochs * stepsPerEpoch;
  return Math.min(options.maxSteps ?? Number.POSITIVE_INFINITY, ofEpochs);
}
