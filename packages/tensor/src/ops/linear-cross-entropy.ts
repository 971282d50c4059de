import {
  add,
  cast,
  concat,
  div,
  engine,
  exp,
  log,
  matMul,
  max,
  mul,
  notEqual,
  oneHot,
  reshape,
  type Scalar,
  scalar,
  slice,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

/**
 * Output layer and cross-entropy in one, over chunks of rows, so that the logits of the whole batch never exist. As in Liger Kernel
 * (Hsu et al. 2024) the gradients of a chunk are made while its logits are at hand, in the forward pass; the backward pass only
 * multiplies them by dy. Outside of `tf.grads` they are not made.
 *
 * N rows, V vocabulary, C hiddenSize, n rows of a chunk.
 */

export interface LinearCrossEntropyOptions {
  /** Rows with this label have no target: they add nothing to the loss, nor to the count. Default -100. */
  readonly ignoreIndex?: number;
  /** Logits that the composed form holds at a time, 4 bytes each; rows are cut into chunks accordingly. Default 2^23. */
  readonly maxLogits?: number;
}

interface LossInputs {
  readonly hidden: Tensor;
  readonly weight: Tensor;
  readonly labels: Tensor;
}

interface LossAttributes {
  readonly ignoreIndex: number;
  /** Whether the two gradients are wanted as extra outputs. */
  readonly withGradients: boolean;
  readonly maxLogits: number;
}

const lossOp: FusedOp<LossInputs, LossAttributes> = {
  kernelName: "CodexLinearCrossEntropy",
  differentiable: ["hidden", "weight"],
  saved: [],
  forward({ hidden, weight, labels }, attributes) {
    const [rows, hiddenSize] = hidden.shape as [number, number];
    const chunks = Math.ceil(rows / Math.max(1, Math.floor(attributes.maxLogits / weight.shape[0]!)));
    const chunkRows = Math.ceil(rows / chunks);
    let loss: Tensor | undefined;
    let dWeight: Tensor | undefined;
    const dHidden: Tensor[] = [];
    for (let first = 0; first < rows; first += chunkRows) {
      const n = Math.min(chunkRows, rows - first);
      const parts = tidy(() => {
        const chunk = slice(hidden, [first, 0], [n, hiddenSize]) as Tensor2D;
        const part = chunkLoss(chunk, weight as Tensor2D, slice(labels, [first], [n]) as Tensor1D, attributes);
        return {
          ...part,
          loss: loss === undefined ? part.loss : add(loss, part.loss),
          dWeight: part.dWeight && dWeight ? add(dWeight, part.dWeight) : part.dWeight,
        };
      });
      loss?.dispose();
      dWeight?.dispose();
      ({ loss, dWeight } = parts);
      if (parts.dHidden) dHidden.push(parts.dHidden);
    }
    return attributes.withGradients ? [loss!, concat(dHidden, 0), dWeight!] : [loss!];
  },
  gradient({ dy, extra: [dHidden, dWeight] }) {
    return { hidden: () => mul(dHidden!, dy), weight: () => mul(dWeight!, dy) };
  },
};

/**
 * Summed cross-entropy of `hidden W^T` against integer labels.
 *
 * @param hidden - `[rows, hiddenSize]`
 * @param weight - `[vocab, hiddenSize]`
 * @param labels - `[rows]` int32, each in 0 .. vocab-1 or `ignoreIndex` (not checked here: that would wait for the device)
 * @returns lossSum in nats, and targetCount, the number of rows that have a target; the caller disposes both
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  labels: Tensor,
  options: LinearCrossEntropyOptions = {},
): { lossSum: Scalar; targetCount: Scalar } {
  const { ignoreIndex = -100, maxLogits = 2 ** 23 } = options;
  expectShape(
    hidden.rank === 2 &&
      weight.rank === 2 &&
      labels.rank === 1 &&
      labels.dtype === "int32" &&
      hidden.shape[1] === weight.shape[1] &&
      hidden.shape[0] === labels.shape[0] &&
      hidden.size > 0,
    "linearCrossEntropy",
    "hidden [rows, hiddenSize], weight [vocab, hiddenSize], labels int32 [rows]",
    { hidden, weight, labels },
  );
  const withGradients = engine().state.gradientDepth > 0;
  const lossSum = runFusedOp(lossOp, { hidden, weight, labels }, { ignoreIndex, withGradients, maxLogits }) as Scalar;
  const targetCount = tidy(
    () => sum(cast(notEqual(labels, scalar(ignoreIndex, "int32")), "float32")) as Scalar, // else both would be cast first
  );
  return { lossSum, targetCount };
}

function chunkLoss(
  hidden: Tensor2D,
  weight: Tensor2D,
  labels: Tensor1D,
  { ignoreIndex, withGradients }: LossAttributes,
): { loss: Tensor; dHidden: Tensor | undefined; dWeight: Tensor | undefined } {
  const counted = notEqual(labels, scalar(ignoreIndex, "int32"));
  const weights = reshape(cast(counted, "float32"), [-1, 1]); // [n, 1]: 1 for a row with a target
  const targets = oneHot(where(counted, labels, zerosLike(labels)) as Tensor1D, weight.shape[0]); // [n, V]
  const logits = matMul(hidden, weight, false, true);
  const shifted = sub(logits, max(logits, 1, true));
  const powers = exp(shifted);
  const total = sum(powers, 1, true);
  const target = sum(mul(shifted, targets), 1, true);
  const loss = sum(mul(sub(log(total), target), weights));
  if (!withGradients) return { loss, dHidden: undefined, dWeight: undefined };
  const dLogits = mul(sub(div(powers, total), targets), weights); // softmax - one-hot, [n, V]
  return { loss, dHidden: matMul(dLogits, weight), dWeight: matMul(dLogits, hidden, true, false) };
}
