/**
 * UTF-8, generalised so that every JavaScript string survives: a surrogate that stands alone is written as the three
 * bytes its code point would have (WTF-8, https://simonsapin.github.io/wtf-8/) and read back from them. For every valid
 * string the bytes are those of UTF-8. Bytes that are neither become U+FFFD, one per maximal part, as in WHATWG decoders.
 */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Number of bytes that `encodeUtf8` gives. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) i++; // two units, four bytes
  }
  return length;
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point < 0x80) {
      bytes[at++] = point;
    } else if (point < 0x800) {
      bytes[at++] = 0xc0 | (point >> 6);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else {
      i++;
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes;
}

/** Writes the bytes of UTF-16 units from `start` up to `end` to `bytes`, which has room for three for each. @returns how many */
export function writeUtf8(units: Uint16Array, start: number, end: number, bytes: Uint8Array): number {
  let at = 0;
  for (let i = start; i < end; i++) {
    const unit = units[i]!;
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (isHighSurrogate(unit) && i + 1 < end && isLowSurrogate(units[i + 1]!)) {
      const point = ((unit & 0x3ff) << 10) + (units[++i]! & 0x3ff) + 0x10000;
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}

export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  let start = 0;
  for (let i = bytes.indexOf(0xed); i >= 0; i = bytes.indexOf(0xed, i + 1)) {
    const [second = 0, third = 0] = bytes.subarray(i + 1, i + 3);
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    text += decoder.decode(bytes.subarray(start, i));
    text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    start = i + 3;
  }
  return text + decoder.decode(start === 0 ? bytes : bytes.subarray(start));
}

/**
 * Length of the longest start of `bytes` that cannot change its meaning by what follows: everything but a last
 * character of which bytes are still missing.
 */
export function completeUtf8Length(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0x80 && byte < 0xc0) continue; // a continuation: look further back for its first byte
    const needed =
      byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
    return back < needed ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** The index of the first surrogate without its partner, or -1. */
export function loneSurrogateIndex(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) i++;
    else if (unit >= 0xd800 && unit <= 0xdfff) return i;
  }
  return -1;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
