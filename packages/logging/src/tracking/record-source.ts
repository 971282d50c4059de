/** A line file of a run, with all its segments, read from an offset while its writer appends to it. */
import { createHash } from "node:crypto";
import { type DurableFs, SegmentReader } from "@codex/storage";

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
  readonly #file: SegmentReader;
  readonly #accepts: (value: unknown) => value is T;
  #last: { readonly offset: number; readonly batch: SourceBatch<T> } | undefined;

  constructor(path: string, accepts: (value: unknown) => value is T, fs: DurableFs) {
    this.path = path;
    this.#accepts = accepts;
    this.#file = new SegmentReader(path, { fs });
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
    const bytes = new Uint8Array(length);
    if (end < length || (await this.#fill(bytes, end - length)) < length) return undefined;
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
    for (let size = CHUNK_BYTES; ; size *= 2) {
      const chunk = Buffer.allocUnsafe(size);
      // At first what one read gives: most of the time the file ends there.
      const read = size === CHUNK_BYTES ? await this.#file.read(chunk, offset) : await this.#fill(chunk, offset);
      const whole = chunk.subarray(0, read).lastIndexOf(LINE_FEED) + 1;
      if (whole > 0 || read < size) return this.#parse(chunk.subarray(0, whole), offset);
      if (size >= MAX_LINE_BYTES) return { records: [], end: offset + read, skipped: 1 };
    }
  }

  /** Fewer bytes than there is room for only at the end. */
  async #fill(target: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < target.byteLength) {
      const read = await this.#file.read(target.subarray(done), position + done);
      if (read === 0) break;
      done += read;
    }
    return done;
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
