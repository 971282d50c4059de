/** Whether bytes are what `encodeUtf8` gives for some string: UTF-8, in which a surrogate may stand alone. */
export function isWellFormed(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const lead = bytes[at++]!;
    if (lead < 0x80) continue;
    const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (length === 0 || at + length > end) return false;
    let point = lead & (0x3f >> length);
    for (let i = 0; i < length; i++, at++) {
      const byte = bytes[at]!;
      if ((byte & 0xc0) !== 0x80) return false;
      point = (point << 6) | (byte & 0x3f);
    }
    const smallest = length === 1 ? 0x80 : length === 2 ? 0x800 : 0x10000;
    if (point < smallest || point > 0x10ffff) return false;
  }
  return true;
}
