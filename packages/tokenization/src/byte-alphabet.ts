/**
 * The printable characters that stand for bytes in a byte-level vocabulary (GPT-2's `bytes_to_unicode`): printable
 * Latin-1 stands for itself, the 68 other bytes take U+0100 upwards.
 */
const codes = new Uint16Array(256);
let next = 0x100;
for (let byte = 0; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  codes[byte] = printable ? byte : next++;
}
const bytes = new Int16Array(next).fill(-1);
for (let byte = 0; byte < 256; byte++) bytes[codes[byte]!] = byte;

/** The 256 bytes in the order of their characters' code points, which is the order of their ids in a trained vocabulary. */
export const BYTES_BY_CHARACTER: readonly number[] = Array.from({ length: 256 }, (_, byte) => byte).sort(
  (a, b) => codes[a]! - codes[b]!,
);

export function byteToCharacter(byte: number): string {
  return String.fromCharCode(codes[byte]!);
}

/** The token as it stands in `tokenizer.json`. */
export function bytesToToken(token: Uint8Array): string {
  let text = "";
  for (const byte of token) text += String.fromCharCode(codes[byte]!);
  return text;
}

/** @returns undefined if a character stands for no byte */
export function tokenToBytes(token: string): Uint8Array | undefined {
  const result = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = bytes[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    result[i] = byte;
  }
  return result;
}
