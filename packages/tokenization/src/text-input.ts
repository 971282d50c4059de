import { TokenizerError } from "./errors.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** A text: a string, or its UTF-8. */
export type TextInput = string | Uint8Array;

/**
 * The bytes of a text that is no string. Memory that other threads may write to is copied first.
 * @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID` for what is neither a string nor bytes
 */
export function textBytes(text: unknown): Uint8Array {
  // By its name: what another realm made is no instance of this one's class.
  if (!ArrayBuffer.isView(text) || !(Object.prototype.toString.call(text) === "[object Uint8Array]")) {
    const got = text === null ? "null" : typeof text;
    throw new TokenizerError("TOKENIZER_OPTIONS_INVALID", `text: expected a string or a Uint8Array, got ${got}`);
  }
  const bytes = text as Uint8Array;
  return bytes.buffer instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes);
}

/** Text as a string; bytes that are no UTF-8 become U+FFFD, as in WHATWG decoders. */
export function textString(text: TextInput): string {
  return typeof text === "string" ? text : decodeUtf8(textBytes(text));
}

/** The same where positions have to be those of the bytes. @throws {TokenizerError} `TOKENIZER_TEXT_INVALID` */
export function exactTextString(text: TextInput): string {
  if (typeof text === "string") return text;
  const decoded = textString(text);
  // A U+FFFD may have been there before.
  if (!decoded.includes("\ufffd") || Buffer.compare(encodeUtf8(decoded), textBytes(text)) === 0) return decoded;
  throw new TokenizerError("TOKENIZER_TEXT_INVALID", "text: expected UTF-8, got other bytes", {
    help: "encode takes any bytes; offsets are only known in text.",
  });
}

/** Bytes as a string that is cut and searched like them, and where its units come from. */
export interface LooseText {
  readonly text: string;
  /** Per UTF-16 unit of the text its first byte, and one more at the end. Units of one character start together. */
  readonly starts: Uint32Array;
}

/** Stands for what is no character: neither letter nor number nor white space, and in no name of a token. */
const STRAY_UNIT = 0xdc00;

/**
 * Reads bytes as the native library does: what starts no character is one byte long and of no class; surrogates, written as three bytes each,
 * are not put together.
 */
export function looseText(bytes: Uint8Array): LooseText {
  const units = new Uint16Array(bytes.length);
  const starts = new Uint32Array(bytes.length + 1);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const { point, size } = decodeAt(bytes, at);
    if (point > 0xffff) {
      starts[length] = at;
      units[length++] = 0xd7c0 + (point >> 10);
      starts[length] = at;
      units[length++] = 0xdc00 | (point & 0x3ff);
    } else {
      starts[length] = at;
      units[length++] = point >= 0xd800 && point < 0xe000 ? STRAY_UNIT : point;
    }
    at += size;
  }
  starts[length] = bytes.length;
  const text: string[] = [];
  for (let from = 0; from < length; from += 8192) {
    text.push(String.fromCharCode(...units.subarray(from, Math.min(length, from + 8192))));
  }
  return { text: text.join(""), starts: starts.subarray(0, length + 1) };
}

const SHAPES = [
  { from: 0xc2, to: 0xdf, size: 2, bits: 0x1f, least: 0x80 },
  { from: 0xe0, to: 0xef, size: 3, bits: 0x0f, least: 0x800 },
  { from: 0xf0, to: 0xf4, size: 4, bits: 0x07, least: 0x10000 },
] as const;

function decodeAt(bytes: Uint8Array, at: number): { point: number; size: number } {
  const first = bytes[at]!;
  if (first < 0x80) return { point: first, size: 1 };
  const malformed = { point: STRAY_UNIT, size: 1 };
  const shape = SHAPES.find(({ from, to }) => first >= from && first <= to);
  if (shape === undefined) return malformed;
  let point = first & shape.bits;
  for (let offset = 1; offset < shape.size; offset++) {
    const byte = bytes[at + offset];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return malformed;
    point = (point << 6) | (byte & 0x3f);
  }
  return point >= shape.least && point <= 0x10ffff ? { point, size: shape.size } : malformed;
}
