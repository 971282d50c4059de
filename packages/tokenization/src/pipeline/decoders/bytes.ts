import { tokenToBytes } from "../../byte-alphabet.ts";
import { decodeUtf8, encodeUtf8 } from "../../utf8.ts";
import type { Decoder } from "./decoder.ts";

/** `ByteLevel`: characters back to bytes; a token with others is taken as it is. */
export const byteLevel: Decoder = (tokens) => [
  decodeUtf8(Buffer.concat(tokens.map((token) => tokenToBytes(token) ?? encodeUtf8(token)))),
];

/** `ByteFallback`: `<0xE4>` back to bytes, where neighbours make whole characters; else U+FFFD for each. */
export const byteFallback: Decoder = (tokens) => {
  const parts: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) parts.push(...wholeText(Uint8Array.from(bytes)));
    bytes = [];
  };
  for (const token of tokens) {
    // The Rust library reads the two digits as a number, which may have a sign.
    const match = /^<0x(\+?)([0-9a-fA-F]{1,2})>$/.exec(token);
    if (match !== null && token.length === 6) bytes.push(Number.parseInt(match[2]!, 16));
    else {
      flush();
      parts.push(token);
    }
  }
  flush();
  return parts;
};

function wholeText(bytes: Uint8Array): string[] {
  const text = decodeUtf8(bytes);
  return Buffer.compare(encodeUtf8(text), bytes) === 0 ? [text] : Array.from(bytes, () => "\ufffd");
}
