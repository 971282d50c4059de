/**
 * From logits to a token. The filters and their order (repetition penalty, temperature, top-k, top-p, min-p) are those of transformers'
 * generation/logits_process.py and give the same scores; the draw is our own, so that it depends on seed and position alone.
 */
import type { RandomStream } from "@codex/random";
import { ModelError } from "../errors.ts";
import type { SamplingOptions } from "./options.ts";

/**
 * Scores after every filter but before the draw; a token that is filtered out has `-Infinity`.
 *
 * @param logits - `[vocab]`; not changed
 * @param context - the tokens so far, prompt and output: what the repetition penalty looks at
 * @throws {ModelError} `MODEL_LOGITS_NOT_FINITE`
 */
export function filterLogits(logits: Float32Array, context: ArrayLike<number>, options: SamplingOptions): Float32Array {
  const bad = logits.findIndex((value) => Number.isNaN(value) || value === Number.POSITIVE_INFINITY);
  if (bad >= 0) {
    throw new ModelError("MODEL_LOGITS_NOT_FINITE", `logits: expected numbers, got ${logits[bad]} for token ${bad}`, {
      help: "The weights have probably diverged: try an earlier checkpoint.",
    });
  }
  const scores = logits.slice();
  penalizeRepetition(scores, context, options.repetitionPenalty);
  if (options.temperature === 0) return scores;
  if (options.temperature !== 1)
    for (let id = 0; id < scores.length; id++) scores[id] = scores[id]! / options.temperature;
  keepTopK(scores, options.topK);
  keepTopP(scores, options.topP);
  keepMinP(scores, options.minP);
  return scores;
}

/** CTRL (Keskar et al. 2019), section 4.1: once per token, however often it occurred. */
function penalizeRepetition(scores: Float32Array, context: ArrayLike<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of new Set(Array.from(context))) {
    const score = scores[id]!;
    scores[id] = score < 0 ? score * penalty : score / penalty;
  }
}

/** Tokens that tie with the last one kept stay, as in transformers. */
function keepTopK(scores: Float32Array, k: number): void {
  if (k === 0 || k >= scores.length) return;
  const lowestKept = scores.toSorted()[scores.length - k]!;
  dropBelow(scores, lowestKept);
}

/** Nucleus sampling (Holtzman et al. 2020): drops the unlikely tail whose probabilities sum to at most 1 - p; never the likeliest token. */
function keepTopP(scores: Float32Array, p: number): void {
  if (p === 1) return;
  const ascending = scores.toSorted();
  const probabilities = softmax(ascending);
  let tail = 0;
  const lowestKept = ascending.find((_, index) => {
    tail += probabilities[index]!;
    return tail > 1 - p;
  });
  dropBelow(scores, lowestKept ?? maximum(scores));
}

/** Min-p sampling (Nguyen et al. 2024). */
function keepMinP(scores: Float32Array, minP: number): void {
  if (minP === 0) return;
  // p < minP * pMax, on the scores themselves: no rounding of the softmax.
  dropBelow(scores, maximum(scores) + Math.log(minP));
}

function dropBelow(scores: Float32Array, lowestKept: number): void {
  for (let id = 0; id < scores.length; id++) if (scores[id]! < lowestKept) scores[id] = Number.NEGATIVE_INFINITY;
}

function maximum(scores: Float32Array): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) if (scores[id]! > highest) highest = scores[id]!;
  return highest;
}

/** Probabilities, float64. */
export function softmax(scores: Float32Array): Float64Array {
  const highest = maximum(scores);
  const probabilities = new Float64Array(scores.length);
  let total = 0;
  for (let id = 0; id < scores.length; id++) {
    probabilities[id] = Math.exp(scores[id]! - highest);
    total += probabilities[id]!;
  }
  for (let id = 0; id < scores.length; id++) probabilities[id] = probabilities[id]! / total;
  return probabilities;
}

/** The token with the highest score; the first of several. */
export function argMax(scores: Float32Array): number {
  let best = 0;
  for (let id = 1; id < scores.length; id++) if (scores[id]! > scores[best]!) best = id;
  return best;
}

/** In [0, 1), of 53 random bits: with the 24 of a float32, tokens rarer than 6e-8 could never come. */
export function uniformAt(stream: RandomStream, position: number): number {
  return ((stream.uint32At(2 * position) >>> 5) * 2 ** 26 + (stream.uint32At(2 * position + 1) >>> 6)) * 2 ** -53;
}

/**
 * Draws a token by inverting the cumulative distribution over ids in ascending order.
 *
 * @param stream - the `sampling` stream of the seed
 * @param position - index of the new token in the sequence; the draw is a function of stream and position
 */
export function drawToken(scores: Float32Array, stream: RandomStream, position: number): number {
  const probabilities = softmax(scores);
  let remaining = uniformAt(stream, position);
  let last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    last = id;
    remaining -= probabilities[id]!;
    if (remaining < 0) return id;
  }
  return last; // rounding left a crumb above the last possible token
}

/** The next token: greedy when the temperature is 0, drawn otherwise. @throws {ModelError} `MODEL_LOGITS_NOT_FINITE` */
export function sampleToken(
  logits: Float32Array,
  context: ArrayLike<number>,
  options: SamplingOptions,
  stream: RandomStream,
  position: number,
): number {
  const scores = filterLogits(logits, context, options);
  return options.temperature === 0 ? argMax(scores) : drawToken(scores, stream, position);
}
