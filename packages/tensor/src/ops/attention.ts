import { pad, reshape, slice, type Tensor, type Tensor4D, transpose } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";
import { attendInTiles, attentionGradient, type HeadsFirst, type TileAttributes } from "./attention-tiles.ts";
import { checkDropoutRate, type DropoutAttributes } from "./dropout.ts";

/** B batch, H query heads, K key heads, T queries, S keys, D headDim. */

/** What every form of attention takes. */
export interface AttentionMaskOptions {
  /** A query sees no key after its own position. */
  readonly causal: boolean;
  /** Factor of the scores. Default 1 / sqrt(headDim). */
  readonly scale?: number;
  /** `[batch, keys]` int32: a query sees only keys of its own document. */
  readonly documentIds?: Tensor;
  /** On the probabilities; element `[b, h, t, s]` takes draw `offset + ((b H + h) T + t) S + s`, whatever the layout. */
  readonly dropout?: DropoutAttributes;
  /** Scores that the composed form holds at a time, 4 bytes each; queries are cut into tiles accordingly. Default 2^22. */
  readonly maxScores?: number;
}

/** The order of the dimensions: batch, heads, time (positions), headDim. */
export type HeadLayout = "bhtd" | "bthd";

export interface AttentionOptions extends AttentionMaskOptions {
  /** `bhtd`, the default: q `[batch, heads, queries, headDim]`; `bthd`: q `[batch, queries, heads, headDim]`, which a projection gives. */
  readonly layout?: HeadLayout;
  /** Only the first so many keys count: the others are room in a cache. Default: all. */
  readonly keyLength?: number;
}

interface AttentionInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly documentIds?: Tensor | undefined;
}

interface AttentionAttributes extends TileAttributes {
  readonly layout: HeadLayout;
  readonly keyLength: number | undefined;
}

const attentionOp: FusedOp<AttentionInputs, AttentionAttributes> = {
  kernelName: "CodexAttention",
  differentiable: ["q", "k", "v"],
  saved: ["q", "k", "v", "documentIds"],
  forward(inputs, attributes) {
    return [fromHeadsFirst(attendInTiles(headsFirst(inputs, attributes), attributes), attributes.layout)];
  },
  gradient({ dy, inputs, attributes }) {
    const { layout } = attributes;
    const { dq, dk, dv } = attentionGradient(toHeadsFirst(dy, layout), headsFirst(inputs, attributes), attributes);
    const room = inputs.k.shape[timeAxis(layout)]! - dk.shape[2]!;
    const withRoom = (x: Tensor) =>
      room === 0 ? x : pad(x, [[0, 0], [0, 0], [0, room], [0, 0]]); // biome-ignore format: one row per axis
    return {
      q: () => fromHeadsFirst(dq, layout),
      k: () => fromHeadsFirst(withRoom(dk), layout),
      v: () => fromHeadsFirst(withRoom(dv), layout),
    };
  },
};

/**
 * Scaled dot-product attention (Vaswani et al. 2017, eq. 1) with grouped key and value heads (Ainslie et al. 2023).
 *
 * @param q - `[batch, heads, queries, headDim]`: the queries are the last positions of the keys, so that with a KV cache keys >= queries
 * @param k - `[batch, keyHeads, keys, headDim]`, heads a multiple of keyHeads; query head `h` reads key head `floor(h / (heads / keyHeads))`
 * @param v - as k
 * @returns shape of q; the caller disposes it. With `layout: "bthd"` the second and third dimensions of all four change places
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor4D {
  const { documentIds, layout = "bhtd", keyLength } = options;
  const [time, head] = [timeAxis(layout), headAxis(layout)];
  const [heads = 0, queries = 0] = [q.shape[head], q.shape[time]];
  const [keyHeads = 1, keys = 0] = [k.shape[head], k.shape[time]];
  const [batch, , , headDim = 1] = q.shape;
  const [room, rule] =
    layout === "bhtd"
      ? ["[batch, keyHeads, keys, headDim]", "q [batch, heads, queries, headDim]"]
      : ["[batch, keys, keyHeads, headDim]", "q [batch, queries, heads, headDim]"];
  expectShape(
    q.rank === 4 &&
      k.rank === 4 &&
      k.shape.every((size, axis) => size === v.shape[axis]) &&
      k.shape[0] === batch &&
      k.shape[3] === headDim &&
      heads % keyHeads === 0 &&
      keys >= queries,
    "attention",
    `${rule}, k and v ${room}, heads a multiple of keyHeads, keys >= queries`,
    { q, k, v },
  );
  if (keyLength !== undefined && !(Number.isInteger(keyLength) && keyLength >= queries && keyLength <= keys)) {
    const range = `a whole number from ${queries} (queries) to ${keys} (keys)`;
    throw new TensorError(
      "TENSOR_ARGUMENT_INVALID",
      `attention: expected a keyLength that is ${range}, got ${keyLength}`,
    );
  }
  checkDocumentIds("attention", documentIds, batch!, keys);
  const attributes = maskAttributes("attention", options, headDim);
  return runFusedOp(attentionOp, { q, k, v, documentIds }, { ...attributes, layout, keyLength }) as Tensor4D;
}

/** @throws {TensorError} `TENSOR_SHAPE_MISMATCH` */
export function checkDocumentIds(op: string, documentIds: Tensor | undefined, batch: number, keys: number): void {
  if (documentIds === undefined) return;
  expectShape(
    documentIds.rank === 2 && documentIds.shape[0] === batch && documentIds.shape[1] === keys,
    op,
    `documentIds [batch, keys], here [${batch}, ${keys}]`,
    { documentIds },
  );
}

/** Defaults filled in. @throws {TensorError} `TENSOR_ARGUMENT_INVALID` */
export function maskAttributes(op: string, options: AttentionMaskOptions, headDim: number): TileAttributes {
  const { causal, dropout, scale = 1 / Math.sqrt(headDim), maxScores = 2 ** 22 } = options;
  if (dropout !== undefined) checkDropoutRate(op, dropout.rate);
  if (!Number.isFinite(scale)) {
    throw new TensorError("TENSOR_ARGUMENT_INVALID", `${op}: expected a finite scale, got ${scale}`);
  }
  return { causal, scale, dropout: dropout !== undefined && dropout.rate > 0 ? dropout : undefined, maxScores };
}

/** `[B, T, H, D]` to `[B, H, T, D]`, and back. */
export function swapHeadsAndTime(x: Tensor): Tensor {
  const [B, first, second, D] = x.shape as [number, number, number, number];
  if (first === 1 || second === 1) return reshape(x, [B, second, first, D]); // nothing moves
  return transpose(x, [0, 2, 1, 3]);
}

function headAxis(layout: HeadLayout): number {
  return layout === "bhtd" ? 1 : 2;
}

function timeAxis(layout: HeadLayout): number {
  return layout === "bhtd" ? 2 : 1;
}

function toHeadsFirst(x: Tensor, layout: HeadLayout): Tensor {
  return layout === "bhtd" ? x : swapHeadsAndTime(x);
}

const fromHeadsFirst = toHeadsFirst; // the exchange is its own inverse

/** In the order of the tiles, without the keys that do not count. */
function headsFirst({ q, k, v, documentIds }: AttentionInputs, { layout, keyLength }: AttentionAttributes): HeadsFirst {
  const keys = k.shape[timeAxis(layout)]!;
  const counted = (x: Tensor): Tensor => {
    if (keyLength === undefined || keyLength === keys) return x;
    const size = [-1, -1, -1, -1];
    size[timeAxis(layout)] = keyLength;
    return slice(x, [0, 0, 0, 0], size);
  };
  return {
    q: toHeadsFirst(q, layout),
    k: toHeadsFirst(counted(k), layout),
    v: toHeadsFirst(counted(v), layout),
    documentIds:
      keyLength === undefined || documentIds === undefined ? documentIds : slice(documentIds, [0, 0], [-1, keyLength]),
  };
}
