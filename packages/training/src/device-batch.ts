import * as tf from "@tensorflow/tfjs-core";
import type { HostBatch, TrainableModel, TrainingBatch } from "./contracts.ts";
import { TrainingError } from "./errors.ts";

const NO_TARGET = -100;

/**
 * Copies a batch to the device; the caller disposes its tensors. Ids and labels are checked here, on the host, against the
 * vocabulary of a model that states one: on the device an id that is no token is a wrong loss, not an error.
 * @throws {TrainingError} `TRAINING_BATCH_INVALID`
 */
export function toDevice(batch: HostBatch, model: TrainableModel): TrainingBatch {
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
  const vocabSize = model.config?.vocabSize;
  if (vocabSize !== undefined) assertTokens(batch, vocabSize);
  return tf.tidy(() => ({
    inputIds: upload("inputIds", batch.inputIds),
    labels: upload("labels", batch.labels),
    ...(batch.documentIds && { documentIds: upload("documentIds", batch.documentIds) }),
    ...(batch.positionIds && { positionIds: upload("positionIds", batch.positionIds) }),
  }));
}

/** The tensors of a batch, in a fixed order. */
export function tensorsOf({ inputIds, labels, documentIds, positionIds }: TrainingBatch): tf.Tensor[] {
  return [inputIds, labels, documentIds, positionIds].filter((tensor) => tensor !== undefined);
}

function assertTokens({ inputIds, labels, sampleIds, sequenceLength }: HostBatch, vocabSize: number): void {
  for (const [name, ids] of Object.entries({ inputIds, labels })) {
    const bad = ids.findIndex((id) => id >= vocabSize || (id < 0 && !(name === "labels" && id === NO_TARGET)));
    if (bad < 0) continue;
    const allowed = `0 .. ${vocabSize - 1}${name === "labels" ? `, or ${NO_TARGET} for no target` : ""}`;
    throw new TrainingError(
      "TRAINING_BATCH_INVALID",
      `${name} of sample ${sampleIds[Math.floor(bad / sequenceLength)]}, position ${bad % sequenceLength}: expected a token id of ${allowed}, got ${ids[bad]}`,
      { help: "Was the data made with the tokenizer of this model?" },
    );
  }
}

/** Lets timers, signals and input run; without it a synchronous device would hold the event loop for the whole run. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
