/**
 * A number of a file as Hugging Face tokenizers reads it: serde_json divides the digits by a power of ten, each rounded to a float64, and so
 * misses the nearest float64 by one place now and then. Where two ways to cut a text are worth the same but for the rounding of their sums
 * (a rule of 28 equals signs as 12 and 16 or 16 and 12), that place decides.
 */
export function asRustReads(value: number): number {
  // The shortest digits that give the number: what both write.
  const [digits, exponent = "0"] = String(Math.abs(value)).split("e") as [string, string?];
  const [whole, fraction = ""] = digits.split(".") as [string, string?];
  const significand = Number(whole + fraction);
  const power = Number(exponent) - fraction.length;
  const read = power < 0 ? significand / Number(`1e${-power}`) : significand * Number(`1e${power}`);
  if (!Number.isFinite(read) || power < -308) return value;
  return value < 0 ? -read : read;
}
