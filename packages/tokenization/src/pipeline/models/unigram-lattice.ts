/**
 * All ways to write a piece as tokens: the best of them, and draws from them (subword regularization, Kudo 2018,
 * https://arxiv.org/abs/1804.10959, section 3.2; forward filtering and backward sampling for all of them).
 */
import type { RandomStream } from "./model.ts";

/** A token of a path through the piece; positions are UTF-16 units. */
export interface LatticeEdge {
  readonly start: number;
  readonly end: number;
  readonly id: number;
  readonly score: number;
}

/** The best paths that end at a position: the last edge of each, and which of the paths to its start comes before. */
interface Ranked {
  readonly edge: LatticeEdge | undefined;
  readonly rank: number;
  readonly score: number;
}

export interface LatticePath {
  readonly edges: readonly LatticeEdge[];
  /** Sum of the scores: log probability, up to a constant. */
  readonly score: number;
}

/** The `count` paths with the highest scores, the best first. @param edges - by ascending start, from 0 to `length` */
export function bestPaths(edges: readonly LatticeEdge[], length: number, count: number): LatticePath[] {
  const best: Ranked[][] = Array.from({ length: length + 1 }, () => []);
  best[0]!.push({ edge: undefined, rank: 0, score: 0 });
  const incoming = byEnd(edges, length);
  for (let end = 1; end <= length; end++) {
    const candidates = incoming[end]!.flatMap((edge) =>
      best[edge.start]!.map(({ score }, rank) => ({ edge, rank, score: score + edge.score })),
    );
    best[end] = candidates.sort((a, b) => b.score - a.score).slice(0, count);
  }
  return best[length]!.map((_, rank) => {
    const path: LatticeEdge[] = [];
    let at: Ranked = best[length]![rank]!;
    while (at.edge !== undefined) {
      path.push(at.edge);
      at = best[at.edge.start]![at.rank]!;
    }
    return { edges: path.reverse(), score: best[length]![rank]!.score };
  });
}

/** A path, drawn with a probability in proportion to `exp(alpha * score)`. */
export function samplePath(
  edges: readonly LatticeEdge[],
  length: number,
  { alpha, random }: { alpha: number; random: RandomStream },
): LatticeEdge[] {
  const incoming = byEnd(edges, length);
  const total = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY); // log of the sum over paths to a position
  total[0] = 0;
  for (let end = 1; end <= length; end++) {
    total[end] = logSumExp(incoming[end]!.map((edge) => total[edge.start]! + alpha * edge.score));
  }
  const path: LatticeEdge[] = [];
  for (let end = length; end > 0; end = path.at(-1)!.start) {
    const weights = incoming[end]!.map((edge) => total[edge.start]! + alpha * edge.score - total[end]!);
    path.push(incoming[end]![draw(weights, random)]!);
  }
  return path.reverse();
}

/** An index, drawn with the probability `exp(weight)`; the weights are log probabilities. */
export function draw(weights: readonly number[], random: RandomStream): number {
  let left = random();
  for (let index = 0; index < weights.length - 1; index++) {
    left -= Math.exp(weights[index]!);
    if (left < 0) return index;
  }
  return weights.length - 1;
}

export function logSumExp(values: readonly number[]): number {
  const highest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (highest === Number.NEGATIVE_INFINITY) return highest;
  return highest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - highest), 0));
}

function byEnd(edges: readonly LatticeEdge[], length: number): LatticeEdge[][] {
  const lists: LatticeEdge[][] = Array.from({ length: length + 1 }, () => []);
  for (const edge of edges) lists[edge.end]!.push(edge);
  return lists;
}
