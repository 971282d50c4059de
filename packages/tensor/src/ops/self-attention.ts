import { concat, reshape, slice, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";
import { type AttentionMaskOptions, checkDocumentIds, maskAttributes, swapHeadsAndTime } from "./attention.ts";
import { attendInTiles, attentionGradient, type HeadsFirst, type TileAttributes } from "./attention-tiles.ts";

/** B batch, T positions, H query heads, K key heads, D headDim. */

export interface SelfAttentionOptions extends AttentionMaskOptions {
  readonly numAttentionHeads: number;
  /** Default: numAttentionHeads. */
  readonly numKeyValueHeads?: number;
}

interface SelfAttentionInputs {
  readonly qkv: Tensor;
  readonly documentIds?: Tensor | undefined;
}

interface SelfAttentionAttributes extends TileAttributes {
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
}

const selfAttentionOp: FusedOp<SelfAttentionInputs, SelfAttentionAttributes> = {
  kernelName: "CodexSelfAttention",
  differentiable: ["qkv"],
  saved: ["qkv", "documentIds"],
  forward(inputs, attributes) {
    return [mergeHeads(attendInTiles(unpack(inputs, attributes), attributes))];
  },
  gradient({ dy, inputs, attributes }) {
    const { numAttentionHeads } = attributes;
    const { dq, dk, dv } = attentionGradient(splitHeads(dy, numAttentionHeads), unpack(inputs, attributes), attributes);
    return { qkv: () => mergeHeads(concat([dq, dk, dv], 1)) };
  },
};

/**
 * `attention` of queries, keys and values that one projection gave, as GPT-2's `c_attn` does: no part is copied out.
 *
 * @param qkv - `[batch, seq, (heads + 2 keyHeads) headDim]`: all queries, then all keys, then all values
 * @returns `[batch, seq, heads headDim]`; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function selfAttention(qkv: Tensor, options: SelfAttentionOptions): Tensor3D {
  const { numAttentionHeads, numKeyValueHeads = numAttentionHeads, documentIds } = options;
  if (!(numAttentionHeads > 0 && numKeyValueHeads > 0 && numAttentionHeads % numKeyValueHeads === 0)) {
    const came = `${numAttentionHeads} and ${numKeyValueHeads}`;
    throw new TensorError(
      "TENSOR_ARGUMENT_INVALID",
      `selfAttention: expected numAttentionHeads to be a multiple of numKeyValueHeads, got ${came}`,
    );
  }
  const [batch = 0, length = 0, width = 0] = qkv.shape;
  const headDim = width / (numAttentionHeads + 2 * numKeyValueHeads);
  expectShape(
    qkv.rank === 3 && Number.isInteger(headDim),
    "selfAttention",
    "qkv [batch, seq, (numAttentionHeads + 2 numKeyValueHeads) headDim]",
    { qkv },
  );
  checkDocumentIds("selfAttention", documentIds, batch, length);
  const attributes = maskAttributes("selfAttention", options, headDim);
  return runFusedOp(
    selfAttentionOp,
    { qkv, documentIds },
    { numAttentionHeads, numKeyValueHeads, ...attributes },
  ) as Tensor3D;
}

function unpack(
  { qkv, documentIds }: SelfAttentionInputs,
  { numAttentionHeads: H, numKeyValueHeads: K }: SelfAttentionAttributes,
): HeadsFirst {
  const heads = splitHeads(qkv, H + 2 * K);
  const cut = (first: number, count: number) => slice(heads, [0, first, 0, 0], [-1, count, -1, -1]);
  return { q: cut(0, H), k: cut(H, K), v: cut(H + K, K), documentIds };
}

/** `[B, T, heads D]` to `[B, heads, T, D]`. */
function splitHeads(x: Tensor, heads: number): Tensor {
  const [B, T, width] = x.shape as [number, number, number];
  return swapHeadsAndTime(reshape(x, [B, T, heads, width / heads]));
}

/** `[B, heads, T, D]` to `[B, T, heads D]`. */
function mergeHeads(x: Tensor): Tensor {
  const [B, heads, T, D] = x.shape as [number, number, number, number];
  return reshape(swapHeadsAndTime(x), [B, T, heads * D]);
}
