/** A line file of a run, read from an offset while its writer appends to it. */
import { createHash } from "node:crypto";
import { type DurableFile, type DurableFs, errnoOf, readFully, toStorageError } from "@codex/storage";

/** One line and the offset behind it. */
export interface SourceRecord<T> {
  readonly record: T;
  readonly end: number;
}

export interface SourceBatch<T> {
  readonly records: readonly SourceRecord<T>[];
  /** Offset behind the last whole line that was read. */
  readonly end: number;
  /** Lines that are no records; they are left out. */
  readonly skipped: number;
}

const CHUNK_BYTES = 128 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 10;

/**
 * Several readers follow one file, each from its own offset. Most of the time that is the same one, and the lines are parsed once.
 * A file that is not there is an empty one. The owner disposes it.
 */
export class RecordSource<T> implements AsyncDisposable {
  readonly path: string;
  readonly #fs: DurableFs;
  readonly #accepts: (value: unknown) => value is T;
  #file: Promise<DurableFile | undefined> | undefined;
  #last: { readonly offset: number; readonly batch: SourceBatch<T> } | undefined;

  constructor(path: string, accepts: (value: unknown) => value is T, fs: DurableFs) {
    this.path = path;
    this.#accepts = accepts;
    this.#fs = fs;
  }

  /**
   * Whole lines from an offset on, not necessarily all: what has been read up to the end when `end` is the offset that was asked for.
   */
  async read(offset: number): Promise<SourceBatch<T>> {
    if (this.#last?.offset === offset) return this.#last.batch;
    const batch = await this.#readFrom(offset);
    if (batch.end > offset) this.#last = { offset, batch };
    return batch;
  }

  /** A mark of the `length` bytes before an offset: equal as long as the file has not been cut or written anew there. */
  async fingerprint(end: number, length: number): Promise<string | undefined> {
    const file = await this.#open();
    const bytes = new Uint8Array(length);
    if (file === undefined || end < length || (await readFully(file, bytes, end - length)) < length) return undefined;
    return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  }

  /** Records from an offset to the end of the file. */
  async count(offset: number): Promise<number> {
    let count = 0;
    for (let at = offset; ; ) {
      const { records, end } = await this.#readFrom(at);
      if (end === at) return count;
      count += records.length;
      at = end;
    }
  }

  async #readFrom(offset: number): Promise<SourceBatch<T>> {
    const file = await this.#open();
    if (file === undefined) return { records: [], end: offset, skipped: 0 };
    try {
      for (let size = CHUNK_BYTES; ; size *= 2) {
        const chunk = Buffer.allocUnsafe(size);
        const read = await readFully(file, chunk, offset);
        const whole = chunk.subarray(0, read).lastIndexOf(LINE_FEED) + 1;
        if (whole > 0 || read < size) return this.#parse(chunk.subarray(0, whole), offset);
        if (size >= MAX_LINE_BYTES) return { records: [], end: offset + read, skipped: 1 };
      }
    } catch (error) {
      throw toStorageError(error, "read", this.path);
    }
  }

  #parse(bytes: Buffer, offset: number): SourceBatch<T> {
    const records: SourceRecord<T>[] = [];
    let skipped = 0;
    for (let start = 0; start < bytes.byteLength; ) {
      const lineFeed = bytes.indexOf(LINE_FEED, start);
      const value = parse(bytes.toString("utf8", start, lineFeed));
      start = lineFeed + 1;
      if (this.#accepts(value)) records.push({ record: value, end: offset + start });
      else skipped += 1;
    }
    return { records, end: offset + bytes.byteLength, skipped };
  }

  async #open(): Promise<DurableFile | undefined> {
    this.#file ??= this.#fs.open(this.path, "r").catch((error: unknown) => {
      this.#file = undefined; // it may come
      if (errnoOf(error) !== "ENOENT") throw toStorageError(error, "open", this.path);
      return undefined;
    });
    return this.#file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    await file?.close();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
