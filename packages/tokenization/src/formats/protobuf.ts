/** As much of the wire format of protocol buffers as SentencePiece needs. A message is its fields in order, so that what nobody here knows survives. */
import { TokenizerError } from "../errors.ts";

export type Field =
  | { readonly number: number; readonly wire: 0; readonly value: bigint }
  | { readonly number: number; readonly wire: 1 | 2 | 5; readonly value: Uint8Array };

const WIRE_BYTES = { 1: 8, 5: 4 } as const;

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, with the offset in the message */
export function readFields(bytes: Uint8Array, where: string): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const invalid = (expected: string): never => {
    throw new TokenizerError("TOKENIZER_FILE_INVALID", `${where}: byte ${at}: expected ${expected}`);
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++] ?? invalid("a number, the message ends");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return invalid("a number of at most ten bytes");
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (number < 1 || number >= 2 ** 29) invalid("the number of a field");
    if (wire === 0) {
      fields.push({ number, wire, value: varint() });
    } else if (wire === 1 || wire === 2 || wire === 5) {
      const length = wire === 2 ? Number(varint()) : WIRE_BYTES[wire];
      if (length > bytes.length - at) invalid(`${length} bytes, the message has ${bytes.length - at} more`);
      fields.push({ number, wire, value: bytes.subarray(at, at + length) });
      at += length;
    } else {
      invalid("a field of wire type 0, 1, 2 or 5");
    }
  }
  return fields;
}

export function writeFields(fields: readonly Field[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const field of fields) {
    chunks.push(varintBytes((BigInt(field.number) << 3n) | BigInt(field.wire)));
    if (field.wire === 0) chunks.push(varintBytes(field.value));
    else if (field.wire === 2) chunks.push(varintBytes(BigInt(field.value.length)), field.value);
    else chunks.push(field.value);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
