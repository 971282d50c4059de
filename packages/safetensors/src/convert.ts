import type { Dtype } from "./dtype.ts";

/** Dtypes that fit in float32 without loss. */
export type Float32CompatibleDtype = "F32" | "F16" | "BF16";

export function isFloat32Compatible(dtype: Dtype): dtype is Float32CompatibleDtype {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/**
 * Writes little-endian elements as float32. Exact: denormals, signed zeros, infinities and the payload of NaNs included.
 *
 * @param bytes - whole elements of `dtype`
 * @param target - filled from its start
 */
export function convertToFloat32(dtype: Float32CompatibleDtype, bytes: Uint8Array, target: Float32Array): void {
  if (dtype === "F32") {
    new Uint8Array(target.buffer, target.byteOffset, bytes.byteLength).set(bytes);
    return;
  }
  // Integer writes: moving a NaN through a JavaScript number may change its payload.
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const count = bytes.byteLength >> 1;
  if (dtype === "BF16") {
    for (let i = 0; i < count; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
    return;
  }
  const table = float16Table();
  for (let i = 0; i < count; i++) bits[i] = table[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)]!;
}

let cachedTable: Uint32Array | undefined;

/** Float32 bits of each of the 65,536 float16 values (IEEE 754 binary16). */
function float16Table(): Uint32Array {
  if (cachedTable) return cachedTable;
  const table = new Uint32Array(65_536);
  for (let half = 0; half < table.length; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) table[half] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0)
      table[half] = sign | ((exponent + 112) << 23) | (fraction << 13); // 112 = 127 - 15, the biases
    else if (fraction === 0) table[half] = sign;
    else {
      // A denormal of float16, fraction * 2^-24, is normal in float32: shift until the leading one is the hidden bit.
      const shift = Math.clz32(fraction) - 21;
      table[half] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    }
  }
  cachedTable = table;
  return table;
}
