import { gather, reshape, type Tensor, type Tensor1D, unsortedSegmentSum } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

interface EmbeddingInputs {
  readonly weight: Tensor;
  readonly ids: Tensor;
}

const embeddingOp: FusedOp<EmbeddingInputs, { vocabSize: number }> = {
  kernelName: "CodexEmbedding",
  differentiable: ["weight"],
  saved: ["ids"],
  forward({ weight, ids }) {
    return [gather(weight, ids)];
  },
  gradient({ dy, inputs: { ids }, attributes: { vocabSize } }) {
    const rows = reshape(dy, [-1, dy.shape[dy.rank - 1]!]);
    return { weight: () => unsortedSegmentSum(rows, reshape(ids, [-1]) as Tensor1D, vocabSize) };
  },
};

/**
 * Rows of a table by index. The gradient adds each row where it came from, in the order of the ids.
 *
 * @param weight - `[vocab, hiddenSize]`
 * @param ids - `[...]` int32, each in 0 .. vocab-1: an error on wasm and cpu, elsewhere not checked, which would wait for the device
 * @returns `[..., hiddenSize]`; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function embedding(weight: Tensor, ids: Tensor): Tensor {
  expectShape(weight.rank === 2 && ids.dtype === "int32", "embedding", "weight [vocab, hiddenSize] and int32 ids", {
    weight,
    ids,
  });
  return runFusedOp(embeddingOp, { weight, ids }, { vocabSize: weight.shape[0]! });
}
