import type { TokenBatch } from "@codex/metrics";
import type { LanguageModel } from "@codex/models";
import type { HostBatch } from "@codex/training";
import {
  argMax,
  gather,
  logSumExp,
  reshape,
  sub,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";

/**
 * The negative log likelihood of each label of a batch, in nats, and the likeliest id at its position.
 * Memory: the logits of the batch, `[rows, sequenceLength, vocab]`.
 */
export async function scoreTokens(model: LanguageModel, batch: HostBatch): Promise<TokenBatch> {
  const { rows, sequenceLength, labels } = batch;
  const vocabSize = model.config.vocabSize;
  const ids = (values: Int32Array): Tensor2D => tensor2d(values, [rows, sequenceLength], "int32");
  const [losses, predictions] = tidy(() => {
    const logits = model.logits(ids(batch.inputIds), {
      ...(batch.documentIds === undefined ? {} : { documentIds: ids(batch.documentIds) }),
      ...(batch.positionIds === undefined ? {} : { positionIds: ids(batch.positionIds) }),
    });
    const positions = reshape(logits, [rows * sequenceLength, vocabSize]);
    // A position without a label reads id 0; what comes out there is not looked at.
    const wanted = tensor1d(
      labels.map((label, index) => index * vocabSize + Math.max(label, 0)),
      "int32",
    );
    const picked = gather(reshape(positions, [-1]), wanted);
    return [sub<Tensor1D>(logSumExp(positions, 1), picked), argMax<Tensor1D>(positions, 1)];
  });
  try {
    return {
      targets: labels,
      losses: await losses.data(),
      predictions: await predictions.data(),
      ...(batch.byteCount === undefined ? {} : { byteCount: batch.byteCount }),
    };
  } finally {
    losses.dispose();
    predictions.dispose();
  }
}
