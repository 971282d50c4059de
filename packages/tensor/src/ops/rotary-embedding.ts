import {
  add,
  concat,
  mul,
  neg,
  reshape,
  split,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";
import type { HeadLayout } from "./attention.ts";

interface RotaryInputs {
  readonly x: Tensor;
  readonly cos: Tensor;
  readonly sin: Tensor;
}

export interface RotaryEmbeddingOptions {
  /** `bhtd`, the default: x `[batch, heads, seq, headDim]`; `bthd`: x `[batch, seq, heads, headDim]`. */
  readonly layout?: HeadLayout;
}

const rotaryOp: FusedOp<RotaryInputs, Required<RotaryEmbeddingOptions>> = {
  kernelName: "CodexRotaryEmbedding",
  differentiable: ["x"],
  saved: ["cos", "sin"],
  forward({ x, cos, sin }, { layout }) {
    const [first, second] = split(x, 2, -1) as [Tensor, Tensor];
    const rotated = concat([neg(second), first], -1);
    return [add(mul(x, perHead(cos, layout)), mul(rotated, perHead(sin, layout)))];
  },
  gradient({ dy, inputs: { cos, sin }, attributes: { layout } }) {
    // The transpose of the rotation: the halves of dy * sin change places, and the second is negated.
    const [first, second] = split(mul(dy, perHead(sin, layout)), 2, -1) as [Tensor, Tensor];
    return { x: () => add(mul(dy, perHead(cos, layout)), concat([second, neg(first)], -1)) };
  },
};

/**
 * Rotary position embedding (Su et al. 2021) in Hugging Face's layout: feature `i` is paired with `i + headDim/2` (`rotate_half`).
 *
 * @param x - `[batch, heads, seq, headDim]`, headDim even; with `layout: "bthd"` `[batch, seq, heads, headDim]`
 * @param cos - `[batch or 1, seq, headDim]`: the cosines of the angles, its two halves equal
 * @param sin - as `cos`
 * @returns same shape as x; the caller disposes it. cos and sin get no gradient
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function rotaryEmbedding(
  x: Tensor,
  cos: Tensor,
  sin: Tensor,
  { layout = "bhtd" }: RotaryEmbeddingOptions = {},
): Tensor4D {
  const [batch, first, second, headDim = 0] = x.shape;
  const length = layout === "bhtd" ? second : first;
  const rule = layout === "bhtd" ? "x [batch, heads, seq, headDim]" : "x [batch, seq, heads, headDim]";
  for (const table of [cos, sin]) {
    const [rows, positions, features] = table.shape;
    expectShape(
      x.rank === 4 &&
        table.rank === 3 &&
        headDim % 2 === 0 &&
        (rows === 1 || rows === batch) &&
        positions === length &&
        features === headDim,
      "rotaryEmbedding",
      `${rule} with an even headDim, cos and sin [batch or 1, seq, headDim]`,
      { x, cos, sin },
    );
  }
  return runFusedOp(rotaryOp, { x, cos, sin }, { layout }) as Tensor4D;
}

/** With a dimension of 1 where x has its heads. */
function perHead(table: Tensor, layout: HeadLayout): Tensor {
  const [batch, length, headDim] = (table as Tensor3D).shape;
  return reshape(table, layout === "bhtd" ? [batch, 1, length, headDim] : [batch, length, 1, headDim]);
}
