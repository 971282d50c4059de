import { TokenizerError } from "../errors.ts";
import { encodeUtf8 } from "../utf8.ts";
import { type Field, readFields, writeFields } from "./protobuf.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A protocol buffer message whose fields are asked for by number. Of a field that stands there twice the last counts, as everywhere. */
export class Message {
  readonly fields: readonly Field[];
  readonly #where: string;

  constructor(fields: readonly Field[], where: string) {
    this.fields = fields;
    this.#where = where;
  }

  static parse(bytes: Uint8Array, where: string): Message {
    return new Message(readFields(bytes, where), where);
  }

  /** With these fields in place of those of the same numbers. */
  with(fields: readonly Field[]): Message {
    const numbers = new Set(fields.map(({ number }) => number));
    const kept = this.fields.filter(({ number }) => !numbers.has(number));
    return new Message(
      [...kept, ...fields].sort((a, b) => a.number - b.number),
      this.#where,
    );
  }

  bytes(number: number): Uint8Array | undefined {
    const field = this.#last(number, 2);
    return field?.wire === 2 ? field.value : undefined;
  }

  text(number: number, missing: string): string {
    const bytes = this.bytes(number);
    if (bytes === undefined) return missing;
    try {
      return strictUtf8.decode(bytes);
    } catch (cause) {
      throw new TokenizerError("TOKENIZER_FILE_INVALID", `${this.#where}: field ${number}: expected UTF-8`, { cause });
    }
  }

  integer(number: number, missing: number): number {
    const field = this.#last(number, 0);
    return field?.wire === 0 ? Number(BigInt.asIntN(32, field.value)) : missing;
  }

  flag(number: number, missing: boolean): boolean {
    return this.integer(number, missing ? 1 : 0) !== 0;
  }

  float(number: number, missing: number): number {
    const field = this.#last(number, 5);
    if (field === undefined || field.wire === 0) return missing;
    return new DataView(field.value.buffer, field.value.byteOffset, 4).getFloat32(0, true);
  }

  messages(number: number): Message[] {
    return this.fields.flatMap((field, index) => {
      if (field.number !== number) return [];
      if (field.wire !== 2) throw this.#wrong(number);
      return [Message.parse(field.value, `${this.#where}: field ${number}, entry ${index}`)];
    });
  }

  serialize(): Uint8Array {
    return writeFields(this.fields);
  }

  #last(number: number, wire: Field["wire"]): Field | undefined {
    const field = this.fields.findLast((one) => one.number === number);
    if (field !== undefined && field.wire !== wire) throw this.#wrong(number);
    return field;
  }

  #wrong(number: number): TokenizerError {
    return new TokenizerError("TOKENIZER_FILE_INVALID", `${this.#where}: field ${number}: expected another type`);
  }
}

export const textField = (number: number, text: string): Field => ({ number, wire: 2, value: encodeUtf8(text) });
export const bytesField = (number: number, value: Uint8Array): Field => ({ number, wire: 2, value });
export const integerField = (number: number, value: number): Field => ({ number, wire: 0, value: BigInt(value) });
export const flagField = (number: number, value: boolean): Field => integerField(number, value ? 1 : 0);

export function floatField(number: number, value: number): Field {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return { number, wire: 5, value: bytes };
}
