import { fillUniform } from "@codex/random";
import {
  add,
  cast,
  concat,
  equal,
  matMul,
  mul,
  pad,
  reshape,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@tensorflow/tfjs-core";
import type { DropoutAttributes } from "./dropout.ts";

/**
 * Attention composed of plain ops, over tiles of queries, the gradient by recomputation: what lives between forward and backward is q,
 * k and v alone, and at most one tile of scores exists at a time (Dao et al. 2022 without the tiling over keys; the softmax of a row is
 * done at once).
 *
 * B batch, H query heads, K key heads, G = H / K, T queries, S keys, D headDim, t queries of a tile, s keys that a tile sees.
 */

/** q `[B, H, T, D]`, k and v `[B, K, S, D]`, documentIds int32 `[B, S]`. */
export interface HeadsFirst {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly documentIds?: Tensor | undefined;
}

export interface TileAttributes {
  readonly causal: boolean;
  readonly scale: number;
  readonly dropout: DropoutAttributes | undefined;
  readonly maxScores: number;
}

interface Tile {
  readonly firstQuery: number;
  readonly queries: number;
  readonly keys: number;
}

/** Added to the score of a key that may not be seen: its probability becomes exactly 0 in float32. Infinity would do, were it not for inf - inf in some softmax kernels. */
const HIDDEN = -1e30;

/** @returns `[B, H, T, D]` */
export function attendInTiles(inputs: HeadsFirst, attributes: TileAttributes): Tensor {
  const outputs = tilesOf(inputs, attributes).map((tile) =>
    tidy(() => {
      const { queries, keys, values } = operands(inputs, attributes, tile);
      const { attended } = probabilities(queries, keys, inputs, attributes, tile);
      return toHeads(matMul(attended, values), inputs, tile);
    }),
  );
  return concat(outputs, 2);
}

/** @param dy - `[B, H, T, D]`  @returns in the shapes of q, k and v */
export function attentionGradient(
  dy: Tensor,
  inputs: HeadsFirst,
  attributes: TileAttributes,
): { dq: Tensor; dk: Tensor; dv: Tensor } {
  const dq: Tensor[] = [];
  let total: { dk: Tensor; dv: Tensor } | undefined;
  for (const tile of tilesOf(inputs, attributes)) {
    const { dQueries, ...sums } = tidy(() => tileGradient(dy, inputs, attributes, tile, total));
    dq.push(dQueries);
    total?.dk.dispose();
    total?.dv.dispose();
    total = sums;
  }
  return { dq: concat(dq, 2), ...total! };
}

/** The queries' gradient, and `total` with the tile's share of the keys' and values' added. */
function tileGradient(
  dy: Tensor,
  inputs: HeadsFirst,
  attributes: TileAttributes,
  tile: Tile,
  total: { dk: Tensor; dv: Tensor } | undefined,
): { dQueries: Tensor; dk: Tensor; dv: Tensor } {
  const { queries, keys, values } = operands(inputs, attributes, tile);
  const dOut = queriesOf(dy, inputs, tile); // [B, K, G t, D]
  const { weights, attended, mask } = probabilities(queries, keys, inputs, attributes, tile);
  const dAttended = matMul(dOut, values, false, true); // [B, K, G t, s]
  const dWeights = mask === undefined ? dAttended : mul(dAttended, mask);
  const along = sum(mul(dWeights, weights), -1, true);
  const dScores = mul(weights, sub(dWeights, along));
  return {
    dQueries: toHeads(mul(matMul(dScores, keys), attributes.scale), inputs, tile),
    dk: accumulate(total?.dk, matMul(dScores, queries, true, false), inputs.k),
    dv: accumulate(total?.dv, matMul(attended, dOut, true, false), inputs.v),
  };
}

function sizes({ q, k }: HeadsFirst) {
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, K, S] = k.shape as [number, number, number, number];
  return { B, H, T, D, K, S, G: H / K };
}

function tilesOf(inputs: HeadsFirst, { causal, maxScores }: TileAttributes): Tile[] {
  const { B, H, T, S } = sizes(inputs);
  const rows = Math.min(T, Math.max(1, Math.floor(maxScores / (B * H * S))));
  const tiles: Tile[] = [];
  for (let firstQuery = 0; firstQuery < T; firstQuery += rows) {
    const queries = Math.min(rows, T - firstQuery);
    tiles.push({ firstQuery, queries, keys: causal ? S - T + firstQuery + queries : S });
  }
  return tiles;
}

/** The queries come scaled: fewer numbers than the scores. */
function operands(
  inputs: HeadsFirst,
  { scale }: TileAttributes,
  tile: Tile,
): { queries: Tensor; keys: Tensor; values: Tensor } {
  const { S } = sizes(inputs);
  const [keys, values] = [inputs.k, inputs.v].map((x) =>
    tile.keys === S ? x : slice(x, [0, 0, 0, 0], [-1, -1, tile.keys, -1]),
  ) as [Tensor, Tensor];
  return { queries: mul(queriesOf(inputs.q, inputs, tile), scale), keys, values };
}

/** Rows of a tile, the query heads of one key head together: `[B, K, G t, D]`. */
function queriesOf(x: Tensor, inputs: HeadsFirst, tile: Tile): Tensor {
  const { B, K, G, T, D } = sizes(inputs);
  const rows = tile.queries === T ? x : slice(x, [0, 0, tile.firstQuery, 0], [-1, -1, tile.queries, -1]);
  return reshape(rows, [B, K, G * tile.queries, D]);
}

function toHeads(x: Tensor, inputs: HeadsFirst, tile: Tile): Tensor {
  const { B, H, D } = sizes(inputs);
  return reshape(x, [B, H, tile.queries, D]);
}

/** `weights` is the softmax, `attended` the same after dropout by `mask`; all `[B, K, G t, s]`. */
function probabilities(
  queries: Tensor,
  keys: Tensor,
  inputs: HeadsFirst,
  { causal, dropout }: TileAttributes,
  tile: Tile,
): { weights: Tensor; attended: Tensor; mask: Tensor | undefined } {
  const { B, H, K, G } = sizes(inputs);
  let scores: Tensor = matMul(queries, keys, false, true);
  const grouped = [B, K, G * tile.queries, tile.keys];
  const bias = visibilityBias(inputs, causal, tile);
  if (bias !== undefined) {
    scores = reshape(add(reshape(scores, [B, H, tile.queries, tile.keys]), bias), grouped);
  }
  const weights = softmax(scores);
  if (dropout === undefined) return { weights, attended: weights, mask: undefined };
  const mask = tensor(attentionMask(inputs, tile, dropout), grouped);
  return { weights, attended: mul(weights, mask), mask };
}

/** `[B or 1, 1, t, s]`: 0 where the query sees the key, else HIDDEN. Undefined if every query sees every key. */
function visibilityBias(inputs: HeadsFirst, causal: boolean, tile: Tile): Tensor | undefined {
  const { B, T, S } = sizes(inputs);
  const { firstQuery, queries, keys } = tile;
  const firstPosition = S - T + firstQuery; // of the tile's first query among the keys
  let bias: Tensor | undefined;
  if (causal && queries > 1) {
    const hidden = new Float32Array(queries * keys);
    for (let i = 0; i < queries; i++) hidden.fill(HIDDEN, i * keys + firstPosition + i + 1, (i + 1) * keys);
    bias = tensor(hidden, [1, 1, queries, keys]);
  }
  if (inputs.documentIds !== undefined) {
    const ofQueries = reshape(slice(inputs.documentIds, [0, firstPosition], [-1, queries]), [B, 1, queries, 1]);
    const ofKeys = reshape(slice(inputs.documentIds, [0, 0], [-1, keys]), [B, 1, 1, keys]);
    const other = mul(sub(1, cast(equal(ofQueries, ofKeys), "float32")), HIDDEN);
    bias = bias === undefined ? other : add(bias, other);
  }
  return bias;
}

function attentionMask(inputs: HeadsFirst, tile: Tile, { rate, key, offset }: DropoutAttributes): Float32Array {
  const { B, H, T, S } = sizes(inputs);
  const { firstQuery, queries, keys } = tile;
  const mask = new Float32Array(B * H * queries * keys);
  let at = 0;
  for (let head = 0; head < B * H; head++) {
    for (let i = firstQuery; i < firstQuery + queries; i++, at += keys) {
      fillUniform(key, mask.subarray(at, at + keys), offset + (head * T + i) * S);
    }
  }
  const kept = 1 / (1 - rate);
  for (let i = 0; i < mask.length; i++) mask[i] = mask[i]! < rate ? 0 : kept;
  return mask;
}

/** Adds the gradient of the keys that a tile saw to that of all keys. */
function accumulate(total: Tensor | undefined, part: Tensor, like: Tensor): Tensor {
  const unseen = like.shape[2]! - part.shape[2]!;
  const whole = unseen === 0 ? part : pad(part, [[0, 0], [0, 0], [0, unseen], [0, 0]]); // biome-ignore format: one row per axis
  return total === undefined ? whole : add(total, whole);
}
