/** Cyclic redundancy checks of event files: CRC-32C (TensorBoard, RFC 3720) and CRC-32 (W&B, IEEE 802.3), both reflected. */

function tableOf(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
    return remainder;
  });
}

const CASTAGNOLI = tableOf(0x82f63b78);
const IEEE = tableOf(0xedb88320);

function checksum(bytes: Uint8Array, table: Uint32Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}

export function crc32c(bytes: Uint8Array): number {
  return checksum(bytes, CASTAGNOLI);
}

export function crc32(bytes: Uint8Array): number {
  return checksum(bytes, IEEE);
}
