const SHORT = 48; // UTF-16 units: below, a loop is faster than the call
const KEPT = 2 ** 20; // UTF-16 units

/** The UTF-16 units of texts in an array: reading them there takes a third of the time that `charCodeAt` takes. */
export class Utf16Buffer {
  #units = new Uint16Array(0);
  #bytes = Buffer.alloc(0);

  /** @returns an array that begins with the units of the text and may be longer; it is valid until the next call */
  read(text: string): Uint16Array {
    if (text.length > this.#units.length) {
      const units = new Uint16Array(Math.max(256, text.length > KEPT ? text.length : text.length * 2));
      const bytes = Buffer.from(units.buffer);
      if (text.length > KEPT) return fill(text, units, bytes); // not kept, so that a long text does not hold memory
      this.#units = units;
      this.#bytes = bytes;
    }
    return fill(text, this.#units, this.#bytes);
  }
}

/** The UTF-16 units of a text. */
export function utf16Units(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  return fill(text, units, Buffer.from(units.buffer));
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function fill(text: string, units: Uint16Array, bytes: Buffer): Uint16Array {
  if (text.length < SHORT || !isLittleEndian) for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  else bytes.write(text, "utf16le");
  return units;
}
