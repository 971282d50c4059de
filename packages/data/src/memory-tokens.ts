import type { TokenSequence, TokenSink } from "./token-sequence.ts";

/** Tokens in memory, 5 bytes each: for text that fits. */
export class MemoryTokens implements TokenSequence, TokenSink {
  readonly tokenByteLength: TokenSequence["tokenByteLength"];
  #ids = new Uint32Array(1024);
  #starts = new Uint8Array(1024);
  #length = 0;
  #documentCount = 0;

  constructor(tokenByteLength?: TokenSequence["tokenByteLength"]) {
    this.tokenByteLength = tokenByteLength;
  }

  get length(): number {
    return this.#length;
  }

  get documentCount(): number {
    return this.#documentCount;
  }

  append(ids: ArrayLike<number>, startsDocument: boolean): void {
    const length = this.#length + ids.length;
    if (length > this.#ids.length) {
      const capacity = Math.max(2 * this.#ids.length, length);
      this.#ids = copyInto(new Uint32Array(capacity), this.#ids);
      this.#starts = copyInto(new Uint8Array(capacity), this.#starts);
    }
    this.#ids.set(ids, this.#length);
    if (startsDocument) {
      this.#starts[this.#length] = 1;
      this.#documentCount++;
    }
    this.#length = length;
  }

  read(position: number, tokens: Int32Array, starts?: Uint8Array): void {
    tokens.set(this.#ids.subarray(position, position + tokens.length));
    starts?.set(this.#starts.subarray(position, position + tokens.length));
  }

  close(): void {}
}

function copyInto<Elements extends Uint8Array | Uint32Array>(target: Elements, source: Elements): Elements {
  target.set(source);
  return target;
}
