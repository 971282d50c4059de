import { RandomError } from "./errors.ts";
import { type PhiloxKey, writePhiloxBlock } from "./philox.ts";

/**
 * How a key comes from a seed and a name (part of the public contract: changing it changes every run).
 *
 * The seed is the first key: `[seed mod 2^32, floor(seed / 2^32)]`. The name's UTF-8 bytes, padded with zeros to a multiple of 8,
 * are absorbed 8 at a time as two little-endian words `b0`, `b1`: `key = first two words of
 * philox4x32([b0, b1, blockNumber, 2^31 + byteLength], key)`. A substream absorbs its own name into the key of its parent in the
 * same way. Draws use counters with a last word below 2^31 (see `stream.ts`), so a derivation never meets a draw.
 */

const DERIVATION = 0x80000000;
const TWO_32 = 0x1_0000_0000;

/** @throws {RandomError} `RANDOM_SEED_INVALID` */
export function keyOfSeed(seed: number): PhiloxKey {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RandomError("RANDOM_SEED_INVALID", `seed: expected an integer from 0 to 2^53-1, got ${String(seed)}`);
  }
  return [seed >>> 0, Math.floor(seed / TWO_32)];
}

/** @throws {RandomError} `RANDOM_NAME_INVALID` if the name is empty */
export function deriveKey(parent: PhiloxKey, name: string): PhiloxKey {
  if (typeof name !== "string" || name === "") {
    throw new RandomError(
      "RANDOM_NAME_INVALID",
      `stream name: expected a non-empty string, got ${JSON.stringify(name)}`,
    );
  }
  const bytes = new TextEncoder().encode(name);
  const byteAt = (index: number) => bytes[index] ?? 0;
  const wordAt = (index: number) =>
    byteAt(index) | (byteAt(index + 1) << 8) | (byteAt(index + 2) << 16) | (byteAt(index + 3) << 24);
  const block = new Uint32Array([parent[0], parent[1], 0, 0]);
  for (let at = 0; at < bytes.length; at += 8) {
    writePhiloxBlock(block, 0, wordAt(at), wordAt(at + 4), at / 8, DERIVATION + bytes.length, block[0]!, block[1]!);
  }
  return [block[0]!, block[1]!];
}
