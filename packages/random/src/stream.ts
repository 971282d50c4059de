import { RandomError } from "./errors.ts";
import { deriveKey, keyOfSeed } from "./key.ts";
import { normalCosine, normalRadius, normalSine } from "./normal.ts";
import { type PhiloxKey, writePhiloxBlock } from "./philox.ts";

/**
 * Draws by index. Draw `i` is word `i mod 4` of the block with counter `[low, high, purpose, attempt]`, where `low` and `high` are
 * the two words of the block number `floor(i / 4)`; so a run of draws costs one block for four. `purpose` 0 serves words, uniforms
 * and normals, 1 integers below a maximum (one block each), 2 permutations.
 */

const TWO_32 = 0x1_0000_0000;
const TWO_53 = 2 ** 53;
const UNIFORM_UNIT = 2 ** -24; // a float32 has 24 bits of significand
const INTEGERS = 1;

/** A named source of random numbers without state: a draw is a function of seed, name and index. */
export interface RandomStream {
  readonly seed: number;
  /** As given to `createStream`; a substream's is `parent/child`. */
  readonly name: string;
  /** The Philox key, two uint32. */
  readonly key: PhiloxKey;
  /** An independent stream, a function of this stream's key and `name`. @throws {RandomError} `RANDOM_NAME_INVALID` */
  substream(name: string): RandomStream;
  /** Integer in 0 .. 2^32-1. @param index - 0 .. 2^53-1. @throws {RandomError} `RANDOM_INDEX_OUT_OF_RANGE` */
  uint32At(index: number): number;
  /** Uniform in [0, 1), a multiple of 2^-24: exact in float32. Uses the word of `uint32At(index)`. */
  uniformAt(index: number): number;
  /**
   * Integer in 0 .. exclusiveMax-1, without modulo bias (53 bits, rejection). Its words are not those of `uint32At`.
   * @param exclusiveMax - 1 .. 2^53-1. @throws {RandomError} `RANDOM_LENGTH_INVALID`, `RANDOM_INDEX_OUT_OF_RANGE`
   */
  intAt(index: number, exclusiveMax: number): number;
  /** Standard normal by Box-Muller; indices 2n and 2n+1 are the two of one pair, from the words of those indices. */
  normalAt(index: number): number;
  /** `target[i] = fround(uniformAt(fromIndex + i))`; returns `target`. @param fromIndex - default 0 */
  fillUniform(target: Float32Array, fromIndex?: number): Float32Array;
  /** `target[i] = fround(normalAt(fromIndex + i))`; returns `target`. @param fromIndex - default 0 */
  fillNormal(target: Float32Array, fromIndex?: number): Float32Array;
}

/**
 * The stream of a seed and a name, for instance `createStream(42, "dropout")`. How the key comes from both is in `key.ts`.
 *
 * @param seed - integer 0 .. 2^53-1
 * @param name - not empty
 * @throws {RandomError} `RANDOM_SEED_INVALID`, `RANDOM_NAME_INVALID`
 */
export function createStream(seed: number, name: string): RandomStream {
  return streamOfKey(seed, name, deriveKey(keyOfSeed(seed), name));
}

function streamOfKey(seed: number, name: string, key: PhiloxKey): RandomStream {
  return Object.freeze({
    seed,
    name,
    key: Object.freeze(key),
    substream: (child: string) => streamOfKey(seed, `${name}/${child}`, deriveKey(key, child)),
    uint32At: (index: number) => wordAt(key, checkIndex(index)),
    uniformAt: (index: number) => (wordAt(key, checkIndex(index)) >>> 8) * UNIFORM_UNIT,
    intAt: (index: number, exclusiveMax: number) => intAt(key, checkIndex(index), exclusiveMax),
    normalAt: (index: number) => normalAt(key, checkIndex(index)),
    fillUniform: (target: Float32Array, fromIndex = 0) => fillUniform(key, target, fromIndex),
    fillNormal: (target: Float32Array, fromIndex = 0) => fillNormal(key, target, fromIndex),
  });
}

/**
 * Uniforms in [0, 1) of the stream with this key, for those who are handed a key and no stream (a dropout op).
 * `target[i]` is the draw of index `fromIndex + i`. @returns `target`
 * @throws {RandomError} `RANDOM_INDEX_OUT_OF_RANGE`
 */
export function fillUniform(key: PhiloxKey, target: Float32Array, fromIndex = 0): Float32Array {
  checkRange(fromIndex, target.length);
  forEachBlock(key, target.length, fromIndex, (at, first, last) => {
    for (let i = first; i < last; i++) target[at + i] = (words[i]! >>> 8) * UNIFORM_UNIT;
  });
  return target;
}

/** Standard normals of the stream with this key; otherwise as `fillUniform`. */
export function fillNormal(key: PhiloxKey, target: Float32Array, fromIndex = 0): Float32Array {
  checkRange(fromIndex, target.length);
  forEachBlock(key, target.length, fromIndex, (at, first, last) => {
    for (let pair = first & 2; pair < last; pair += 2) {
      const radius = normalRadius(words[pair]!);
      const angle = words[pair + 1]!;
      if (pair >= first) target[at + pair] = radius * normalCosine(angle);
      if (pair + 1 < last) target[at + pair + 1] = radius * normalSine(angle);
    }
  });
  return target;
}

/** The block last computed; nothing here is reentrant, so one is enough and no draw allocates. */
const words = new Uint32Array(4);

/** Calls `visit` per block with `words` filled: draws `first .. last-1` of the block belong at `at + draw` in the target. */
function forEachBlock(
  key: PhiloxKey,
  length: number,
  fromIndex: number,
  visit: (at: number, first: number, last: number) => void,
): void {
  const skipped = fromIndex % 4;
  let block = (fromIndex - skipped) / 4;
  for (let at = -skipped; at < length; at += 4, block++) {
    writePhiloxBlock(words, 0, block, Math.floor(block / TWO_32), 0, 0, key[0], key[1]);
    visit(at, at < 0 ? -at : 0, Math.min(4, length - at));
  }
}

function wordAt(key: PhiloxKey, index: number): number {
  const block = Math.floor(index / 4);
  writePhiloxBlock(words, 0, block, Math.floor(block / TWO_32), 0, 0, key[0], key[1]);
  return words[index % 4]!;
}

function normalAt(key: PhiloxKey, index: number): number {
  wordAt(key, index);
  const pair = (index % 4) & 2;
  const radius = normalRadius(words[pair]!);
  return radius * (index % 2 === 0 ? normalCosine(words[pair + 1]!) : normalSine(words[pair + 1]!));
}

function intAt(key: PhiloxKey, index: number, exclusiveMax: number): number {
  if (!Number.isSafeInteger(exclusiveMax) || exclusiveMax < 1) {
    throw new RandomError(
      "RANDOM_LENGTH_INVALID",
      `exclusiveMax: expected an integer from 1 to 2^53-1, got ${String(exclusiveMax)}`,
    );
  }
  const limit = TWO_53 - (TWO_53 % exclusiveMax);
  for (let attempt = 0; ; attempt++) {
    writePhiloxBlock(words, 0, index, Math.floor(index / TWO_32), INTEGERS, attempt, key[0], key[1]);
    const value = (words[1]! & 0x1f_ffff) * TWO_32 + words[0]!;
    if (value < limit) return value % exclusiveMax;
  }
}

function checkIndex(index: number): number {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new RandomError(
      "RANDOM_INDEX_OUT_OF_RANGE",
      `index: expected an integer from 0 to 2^53-1, got ${String(index)}`,
    );
  }
  return index;
}

function checkRange(fromIndex: number, length: number): void {
  checkIndex(fromIndex);
  if (length > 0 && fromIndex > Number.MAX_SAFE_INTEGER - (length - 1)) {
    throw new RandomError(
      "RANDOM_INDEX_OUT_OF_RANGE",
      `fill: expected ${length} draws to end at 2^53-1 or before, got fromIndex ${fromIndex}`,
    );
  }
}
