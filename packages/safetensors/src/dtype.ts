/** Bits per element of each dtype that the format knows, in the order of the reference (safetensors 0.8, `tensor.rs`). */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof DTYPE_BITS;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BITS, name);
}

/**
 * Bytes of a tensor, or undefined when there is no such number: the elements do not fill whole bytes (4- and 6-bit
 * dtypes), or the product is beyond 2^53. Computed without rounding.
 */
export function byteLengthOf(dtype: Dtype, shape: readonly number[]): number | undefined {
  let bits = BigInt(DTYPE_BITS[dtype]);
  for (const size of shape) bits *= BigInt(size);
  if (bits % 8n !== 0n || bits / 8n > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return Number(bits / 8n);
}
