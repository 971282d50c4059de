import * as tf from "@tensorflow/tfjs-core";
import type { EvaluationSource, TrainableModel } from "./contracts.ts";
import { toDevice, yieldToEventLoop } from "./device-batch.ts";
import { TrainingError } from "./errors.ts";

export interface EvaluationOptions {
  /** Rows per batch: a question of memory, not of the result. */
  readonly batchSize: number;
  /** Only the first batches; all if not set. */
  readonly maxBatches?: number | undefined;
  /** An abort gives `undefined` as soon as the batch in hand is done. */
  readonly signal?: AbortSignal | undefined;
}

export interface EvaluationResult {
  /** Mean over the targets, nats. */
  readonly lossNats: number;
  /** `exp(lossNats)` */
  readonly perplexity: number;
  /** Independent of the vocabulary: total nats / (ln 2 * bytes of text). Only if every batch says its `byteCount`. */
  readonly bitsPerByte: number | undefined;
  /** Targets that were scored. */
  readonly targets: number;
}

/**
 * Loss on held-out data, every target weighted alike; sums over batches are in float64 on the host.
 * @throws {TrainingError} `TRAINING_NO_TARGETS` for data without any target, `TRAINING_NOT_FINITE`, `TRAINING_BATCH_INVALID`
 */
export async function evaluateLoss(
  model: TrainableModel,
  source: EvaluationSource,
  options: EvaluationOptions,
): Promise<EvaluationResult | undefined> {
  let totalNats = 0;
  let targets = 0;
  let bytes: number | undefined = 0;
  let batches = 0;
  for await (const batch of source.batches(options.batchSize)) {
    const report = tf.tidy(() => {
      const { lossSum, targetCount } = model.loss(toDevice(batch, model), { training: false });
      return tf.stack([lossSum, tf.cast(targetCount, "float32")]);
    });
    const [lossSum, targetCount] = (await report.data()) as unknown as [number, number];
    report.dispose();
    if (!Number.isFinite(lossSum)) {
      throw new TrainingError(
        "TRAINING_NOT_FINITE",
        `evaluation, samples ${batch.sampleIds.join(", ")}: expected a finite loss sum, got ${lossSum}`,
        { help: "The weights have diverged, or were not finite when they were loaded." },
      );
    }
    totalNats += lossSum;
    targets += targetCount;
    bytes = bytes === undefined || batch.byteCount === undefined ? undefined : bytes + batch.byteCount;
    batches += 1;
    if (batches === options.maxBatches) break;
    await yieldToEventLoop();
    if (options.signal?.aborted) return undefined;
  }
  if (targets === 0) {
    throw new TrainingError(
      "TRAINING_NO_TARGETS",
      `evaluation: expected held-out data with targets, got none in ${batches} batches`,
      {
        help: "Give the validation split more text, or set evaluationEverySteps to 0.",
      },
    );
  }
  const lossNats = totalNats / targets;
  return {
    lossNats,
    perplexity: Math.exp(lossNats),
    bitsPerByte: bytes ? totalNats / (Math.LN2 * bytes) : undefined,
    targets,
  };
}
