const FIRST_BYTES = 128;

/**
 * A protobuf message, written field by field (https://protobuf.dev/programming-guides/encoding). Fields are written as they are given: zeros
 * and empty texts, too.
 */
export class ProtoMessage {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #size = 0;

  /** int32, int64, uint64, bool, enum. Whole numbers from 0. */
  varint(field: number, value: number): this {
    this.#tag(field, 0);
    this.#varint(value);
    return this;
  }

  double(field: number, value: number): this {
    this.#tag(field, 1);
    this.#size = this.#room(8).writeDoubleLE(value, this.#size);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#size = this.#room(4).writeFloatLE(value, this.#size);
    return this;
  }

  /** A repeated field of doubles, packed. */
  doubles(field: number, values: ArrayLike<number>): this {
    this.#tag(field, 2);
    this.#varint(8 * values.length);
    const bytes = this.#room(8 * values.length);
    for (let i = 0; i < values.length; i++) this.#size = bytes.writeDoubleLE(values[i] as number, this.#size);
    return this;
  }

  string(field: number, text: string): this {
    const length = Buffer.byteLength(text);
    this.#tag(field, 2);
    this.#varint(length);
    this.#size += this.#room(length).write(text, this.#size);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2);
    this.#varint(value.byteLength);
    this.#room(value.byteLength).set(value, this.#size);
    this.#size += value.byteLength;
    return this;
  }

  message(field: number, write: (inner: ProtoMessage) => void): this {
    const inner = new ProtoMessage();
    write(inner);
    return this.bytes(field, inner.finish());
  }

  /** The message so far: a view, valid until the next field. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    const bytes = this.#room(10);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[this.#size++] = (rest % 0x80) | 0x80;
    bytes[this.#size++] = rest;
  }

  #room(length: number): Buffer {
    if (this.#size + length > this.#bytes.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.byteLength, this.#size + length));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
