import type { TokenEncoder } from "./encoder.ts";
import { DataError } from "./errors.ts";

/** The tokens of one split, all documents in one row, readable at any position. */
export interface TokenSequence {
  readonly length: number;
  readonly documentCount: number;
  /** By id; the token that ends a document counts 0. Absent if the encoder does not say. */
  readonly tokenByteLengths?: ArrayLike<number>;
  /**
   * Reads `tokens.length` ids from `position` on. @param starts - if given, of the same length: set to 1 where a document
   * begins, else 0
   */
  read(position: number, tokens: Int32Array, starts?: Uint8Array): void;
  /** Releases the file, if there is one. */
  close(): void;
}

/** What the ids of a split are written to: memory or a file. */
export interface TokenSink {
  /** @param startsDocument - whether the first of these ids begins a document */
  append(ids: ArrayLike<number>, startsDocument: boolean): void;
}

/**
 * Encodes the texts of one split into a sink: each document closed by the end-of-text token, where there is one.
 *
 * @throws {DataError} `DATA_TOKEN_INVALID`
 */
export class DocumentEncoding {
  readonly #encoder: TokenEncoder;
  readonly #sink: TokenSink;
  #open = false;
  tokens = 0;

  constructor(encoder: TokenEncoder, sink: TokenSink) {
    this.#encoder = encoder;
    this.#sink = sink;
  }

  add(document: { text: string; origin: string; continues?: boolean }): void {
    if (document.continues !== true) this.finish();
    const ids = this.#encoder.encode(document.text);
    checkIds(ids, this.#encoder.vocabSize, document.origin);
    this.#append(ids);
  }

  /** Closes the last document. */
  finish(): void {
    const { endOfTextId } = this.#encoder;
    if (this.#open && endOfTextId !== undefined) this.#append([endOfTextId]);
    this.#open = false;
  }

  #append(ids: ArrayLike<number>): void {
    if (ids.length === 0) return;
    this.#sink.append(ids, !this.#open);
    this.#open = true;
    this.tokens += ids.length;
  }
}

function checkIds(ids: ArrayLike<number>, vocabSize: number, origin: string): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id >= 0 && id < vocabSize && Number.isInteger(id)) continue;
    throw new DataError(
      "DATA_TOKEN_INVALID",
      `${origin}: the tokenizer gave the id ${id}, expected an integer from 0 to ${vocabSize - 1}`,
    );
  }
}

/** By id, as `TokenSequence.tokenByteLengths` wants it. */
export function byteLengthsOf({ tokenByteLengths, endOfTextId, vocabSize }: TokenEncoder): Uint32Array | undefined {
  if (tokenByteLengths === undefined) return undefined;
  if (tokenByteLengths.length !== vocabSize) {
    throw new DataError(
      "DATA_OPTIONS_INVALID",
      `tokenByteLengths: expected one for each of ${vocabSize} tokens, got ${tokenByteLengths.length}`,
    );
  }
  const lengths = Uint32Array.from(tokenByteLengths);
  if (endOfTextId !== undefined) lengths[endOfTextId] = 0;
  return lengths;
}

/** Tokens in memory: for tests and for text that fits. */
export class MemoryTokens implements TokenSequence, TokenSink {
  readonly tokenByteLengths?: ArrayLike<number>;
  #ids = new Uint32Array(1024);
  #starts = new Uint8Array(1024);
  #length = 0;
  #documentCount = 0;

  constructor(tokenByteLengths?: ArrayLike<number>) {
    if (tokenByteLengths !== undefined) this.tokenByteLengths = tokenByteLengths;
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
      this.#ids = grown(this.#ids, new Uint32Array(capacity));
      this.#starts = grown(this.#starts, new Uint8Array(capacity));
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

function grown<Elements extends Uint8Array | Uint32Array>(from: Elements, to: Elements): Elements {
  to.set(from);
  return to;
}
