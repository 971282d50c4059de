/**
 * Philox4x32-10: a block of four 32-bit words as a function of a 128-bit counter and a 64-bit key.
 *
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11); same words as Random123, cuRAND and
 * PyTorch. JavaScript has no 32 x 32 -> 64 bit multiply, so the high word is put together from four 16-bit products; every
 * intermediate stays in 32-bit integers, which engines keep in registers, and nothing is allocated.
 */

// Multipliers and Weyl increments of the paper's section 4.4 and of Random123's philox.h; the multipliers also in halves.
const M0 = 0xd2511f53 | 0;
const M0_LOW = 0x1f53;
const M0_HIGH = 0xd251;
const M1 = 0xcd9e8d57 | 0;
const M1_LOW = 0x8d57;
const M1_HIGH = 0xcd9e;
const W0 = 0x9e3779b9 | 0; // golden ratio
const W1 = 0xbb67ae85 | 0; // sqrt(3) - 1
const ROUNDS = 10;

const { imul } = Math; // looked up once: in a sandboxed context (Jest) every global is a slow call

/** Two 32-bit words. */
export type PhiloxKey = readonly [number, number];

/** Four 32-bit words, the least significant first. */
export type PhiloxCounter = readonly [number, number, number, number];

/** Anything that four words can be written into: a typed array, or a plain array of numbers. */
interface WordTarget {
  [index: number]: number;
}

/** Writes the block of `counter` and `key` into `out[offset .. offset + 3]`, as unsigned words if `out` is a `Uint32Array`. */
export function writePhiloxBlock(
  out: WordTarget,
  offset: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
): void {
  let x0 = c0 | 0;
  let x1 = c1 | 0;
  let x2 = c2 | 0;
  let x3 = c3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const a = x0 & 0xffff;
    const b = x0 >>> 16;
    const ab0 = imul(a, M0_HIGH);
    const ba0 = imul(b, M0_LOW);
    const carry0 = (imul(a, M0_LOW) >>> 16) + (ab0 & 0xffff) + (ba0 & 0xffff);
    const high0 = (imul(b, M0_HIGH) + (ab0 >>> 16) + (ba0 >>> 16) + (carry0 >>> 16)) | 0;
    const low0 = imul(x0, M0);

    const c = x2 & 0xffff;
    const d = x2 >>> 16;
    const cd1 = imul(c, M1_HIGH);
    const dc1 = imul(d, M1_LOW);
    const carry1 = (imul(c, M1_LOW) >>> 16) + (cd1 & 0xffff) + (dc1 & 0xffff);
    const high1 = (imul(d, M1_HIGH) + (cd1 >>> 16) + (dc1 >>> 16) + (carry1 >>> 16)) | 0;
    const low1 = imul(x2, M1);

    x0 = high1 ^ x1 ^ k0;
    x1 = low1;
    x2 = high0 ^ x3 ^ k1;
    x3 = low0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[offset] = x0;
  out[offset + 1] = x1;
  out[offset + 2] = x2;
  out[offset + 3] = x3;
}

/**
 * Philox4x32-10 as published: four unsigned 32-bit words for a counter and a key.
 *
 * Words outside 0 .. 2^32-1 are taken modulo 2^32.
 */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey): [number, number, number, number] {
  const out: [number, number, number, number] = [0, 0, 0, 0];
  writePhiloxBlock(out, 0, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
  for (let i = 0; i < 4; i++) out[i] = out[i]! >>> 0;
  return out;
}
