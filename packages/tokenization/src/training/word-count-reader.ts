import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { TokenizerError } from "../errors.ts";
import { MAGIC, MAX_HEADER_BYTES, TRAILER_BYTES, VERSION } from "./word-count-file.ts";
import { compareBytes, type WordCursor } from "./word-cursor.ts";

/**
 * Reads a file of word counts from start to end, a block at a time, and checks everything on the way: order, limits,
 * sums, checksum.
 *
 * @throws {TokenizerError} `TOKENIZER_FILE_MISSING`, `TOKENIZER_FILE_INVALID`
 */
export class WordCountReader implements WordCursor {
  readonly path: string;
  /** As it stands in the file; not checked. */
  readonly header: unknown;
  bytes: Uint8Array = new Uint8Array(64);
  readonly start = 0;
  end = 0;
  count = 0;
  words = 0;
  occurrences = 0;
  readonly #hash = createHash("sha256");
  readonly #size: number;
  readonly #block: Uint8Array;
  #file: number | undefined;
  #blockOffset = 0; // in the file
  #filled = 0;
  #at = 0;
  #previous: Uint8Array = new Uint8Array(64);

  /** @param blockBytes - of memory; a word that is longer takes as much as it needs */
  constructor(path: string, blockBytes = 1 << 16) {
    this.path = path;
    this.#block = new Uint8Array(blockBytes);
    try {
      this.#file = openSync(path, "r");
    } catch (cause) {
      throw new TokenizerError("TOKENIZER_FILE_MISSING", `${path}: cannot be read: ${(cause as Error).message}`, {
        cause,
      });
    }
    try {
      this.#size = fstatSync(this.#file).size;
      this.header = this.#readHeader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  next(): boolean {
    if (this.#file === undefined) return false;
    const length = this.#readVarint();
    if (length === 0) {
      this.#readTrailer();
      this.close();
      return false;
    }
    if (length > this.#remaining()) this.#invalid("a word inside the file", `one of ${length} bytes`);
    const previousEnd = this.end;
    [this.bytes, this.#previous] = [this.#previous, this.bytes];
    if (length > this.bytes.length) this.bytes = new Uint8Array(Math.min(length * 2, this.#size));
    this.#read(this.bytes, length);
    this.end = length;
    if (this.words > 0 && compareBytes(this.#previous, 0, previousEnd, this.bytes, 0, length) >= 0) {
      this.#invalid("words in ascending order of their bytes, each once", "one out of order");
    }
    this.count = this.#readVarint();
    if (this.count === 0) this.#invalid("a count of 1 or more", "0");
    this.words++;
    this.occurrences += this.count;
    return true;
  }

  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
  }

  #readHeader(): unknown {
    const start = Buffer.alloc(MAGIC.length + 8);
    if (this.#size < start.length + 1 + TRAILER_BYTES) this.#invalid("a file of word counts", `${this.#size} bytes`);
    this.#read(start, start.length);
    if (!start.subarray(0, MAGIC.length).equals(MAGIC)) {
      this.#invalid(`a file of word counts, which starts with ${MAGIC}`, "another one");
    }
    const version = start.readUInt32LE(MAGIC.length);
    if (version !== VERSION) this.#invalid(`version ${VERSION} of the format`, `version ${version}`);
    const length = start.readUInt32LE(MAGIC.length + 4);
    if (length > Math.min(MAX_HEADER_BYTES, this.#remaining())) this.#invalid("a shorter header", `${length} bytes`);
    const header = Buffer.alloc(length);
    this.#read(header, length);
    try {
      return JSON.parse(header.toString("utf8"));
    } catch (error) {
      return this.#invalid("a header in JSON", (error as Error).message);
    }
  }

  #readTrailer(): void {
    const sums = Buffer.alloc(16);
    this.#read(sums, 16);
    if (sums.readBigUInt64LE(0) !== BigInt(this.words)) this.#invalid(`the number of words, ${this.words}`, "another");
    if (sums.readBigUInt64LE(8) !== BigInt(this.occurrences)) {
      this.#invalid(`the sum of the counts, ${this.occurrences}`, "another");
    }
    this.#hash.update(this.#block.subarray(0, this.#at));
    const expected = this.#hash.digest();
    const actual = Buffer.alloc(32);
    this.#readUnhashed(actual);
    if (!actual.equals(expected)) this.#invalid("the SHA-256 of what stands before it", "another: the file is damaged");
    if (this.#remaining() !== 0) this.#invalid("the end of the file", `${this.#remaining()} bytes more`);
  }

  /** At most 2^53 - 1, in its shortest form. */
  #readVarint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      if (this.#at === this.#filled) this.#fill();
      const byte = this.#block[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 49) this.#invalid("a number up to 2^53 - 1", "a larger one");
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) this.#invalid("a number in its shortest form", "a longer one");
        return value;
      }
      scale *= 0x80;
    }
  }

  #read(target: Uint8Array, length: number): void {
    for (let done = 0; done < length; ) {
      if (this.#at === this.#filled) this.#fill();
      const take = Math.min(length - done, this.#filled - this.#at);
      for (let i = 0; i < take; i++) target[done + i] = this.#block[this.#at + i]!;
      this.#at += take;
      done += take;
    }
  }

  /** The checksum itself, when what is left of the block was hashed before. */
  #readUnhashed(target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      if (this.#at === this.#filled) this.#fill(false);
      target[done++] = this.#block[this.#at++]!;
    }
  }

  #fill(hash = true): void {
    if (hash) this.#hash.update(this.#block.subarray(0, this.#filled));
    this.#blockOffset += this.#filled;
    this.#at = 0;
    this.#filled = readSync(this.#file!, this.#block, 0, this.#block.length, this.#blockOffset);
    if (this.#filled === 0) this.#invalid("more bytes", "the end of the file: it was cut short");
  }

  #remaining(): number {
    return this.#size - this.#blockOffset - this.#at;
  }

  #invalid(expected: string, actual: string): never {
    throw new TokenizerError(
      "TOKENIZER_FILE_INVALID",
      `${this.path}: byte ${this.#blockOffset + this.#at}: expected ${expected}, got ${actual}`,
    );
  }
}
