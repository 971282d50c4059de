/**
 * Standard normals from two 32-bit words by Box and Muller (1958): `r cos(angle)` and `r sin(angle)` with
 * `r = sqrt(-2 ln u)`, `u = (word0 + 1) / 2^32` in (0, 1], `angle = 2 pi word1 / 2^32`. So |z| <= sqrt(64 ln 2) = 6.66.
 *
 * Logarithm, sine and cosine are short series over + - * / and sqrt, which IEEE 754 rounds in one way, and not those of `Math`,
 * whose last bits differ between versions of a JavaScript engine: a model initialised from a seed has the same weights everywhere.
 */

const ANGLE_PER_UNIT = 1.4629180792671596e-9; // 2 pi / 2^32
const POWERS_OF_TWO = Float64Array.from({ length: 33 }, (_, exponent) => 2 ** exponent);

/** `sqrt(-2 ln((word + 1) / 2^32))`; error below 4e-15 relative to `Math` over the whole range. `word`: uint32. */
export function normalRadius(word: number): number {
  const integer = word + 1;
  // integer = fraction * 2^exponent with fraction in [1/sqrt(2), sqrt(2)); clz32 of 2^32 wraps to that of 0, which is 32.
  let exponent = integer === 0x1_0000_0000 ? 32 : 31 - Math.clz32(integer);
  let fraction = integer / POWERS_OF_TWO[exponent]!;
  if (fraction > Math.SQRT2) {
    fraction /= 2;
    exponent += 1;
  }
  // ln f = 2 atanh(s), s = (f - 1) / (f + 1), |s| <= 0.1716: the first term left out is below 1e-17.
  const s = (fraction - 1) / (fraction + 1);
  const q = s * s;
  const series =
    1 +
    q *
      (1 / 3 +
        q *
          (1 / 5 +
            q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q * (1 / 15 + q * (1 / 17 + q * (1 / 19)))))))));
  return Math.sqrt(-2 * ((exponent - 32) * Math.LN2 + 2 * s * series));
}

/** `cos(2 pi word / 2^32)`: the series at the distance to the nearest quarter turn, then the quarter's sign. `word`: uint32. */
export function normalCosine(word: number): number {
  const quarter = ((word + 0x2000_0000) >>> 30) & 3;
  const x = ((word - quarter * 0x4000_0000) | 0) * ANGLE_PER_UNIT; // in [-pi/4, pi/4)
  const value = quarter & 1 ? sineSeries(x) : cosineSeries(x);
  return quarter === 1 || quarter === 2 ? -value : value;
}

/** `sin(2 pi word / 2^32)`. */
export function normalSine(word: number): number {
  const quarter = ((word + 0x2000_0000) >>> 30) & 3;
  const x = ((word - quarter * 0x4000_0000) | 0) * ANGLE_PER_UNIT;
  const value = quarter & 1 ? cosineSeries(x) : sineSeries(x);
  return quarter >= 2 ? -value : value;
}

// Taylor series; on |x| <= pi/4 the first term left out is below 5e-17.
function sineSeries(x: number): number {
  const q = x * x;
  return (
    x *
    (1 - (q / 6) * (1 - (q / 20) * (1 - (q / 42) * (1 - (q / 72) * (1 - (q / 110) * (1 - (q / 156) * (1 - q / 210)))))))
  );
}

function cosineSeries(x: number): number {
  const q = x * x;
  return (
    1 -
    (q / 2) *
      (1 -
        (q / 12) * (1 - (q / 30) * (1 - (q / 56) * (1 - (q / 90) * (1 - (q / 132) * (1 - (q / 182) * (1 - q / 240)))))))
  );
}
