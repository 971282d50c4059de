import * as tf from "@tensorflow/tfjs-core";
import type { HostBatch, TrainingBatch } from "./contracts.ts";
import { TrainingError } from "./errors.ts";

/**
 * Copies a batch to the device. Call it inside a `tidy`, which disposes it.
 * @throws {TrainingError} `TRAINING_BATCH_INVALID`
 */
export function toDevice(batch: HostBatch): TrainingBatch {
  const shape: [number, number] = [batch.rows, batch.sequenceLength];
  const upload = (name: "inputIds" | "labels" | "documentIds" | "positionIds", ids: Int32Array): tf.Tensor2D => {
    if (ids.length !== shape[0] * shape[1]) {
      throw new TrainingError(
        "TRAINING_BATCH_INVALID",
        `${name} of the batch with samples ${batch.sampleIds.join(", ")}: expected ${shape[0]} x ${shape[1]} ids, got ${ids.length}`,
        { help: "The batch source must fill every row to sequenceLength; pad labels with -100." },
      );
    }
    return tf.tensor2d(ids, shape, "int32");
  };
  return {
    inputIds: upload("inputIds", batch.inputIds),
    labels: upload("labels", batch.labels),
    ...(batch.documentIds && { documentIds: upload("documentIds", batch.documentIds) }),
    ...(batch.positionIds && { positionIds: upload("positionIds", batch.positionIds) }),
  };
}

/** Lets timers, signals and input run; without it a synchronous device would hold the event loop for the whole run. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
