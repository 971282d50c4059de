/** Lines of a session file from an offset, some at a time: what a transaction takes. Synchronous, so that watermark and rows belong together. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface RawLine {
  /** Undefined for bytes that are not UTF-8, or a line longer than `MAX_LINE_BYTES`. */
  readonly text: string | undefined;
  readonly start: number;
  /** Offset after the line feed. */
  readonly end: number;
}

const CHUNK_BYTES = 256 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 10;
const TAIL_BYTES = 4096;

export class SessionFileReader implements Disposable {
  readonly #descriptor: number;
  /** Bytes in the file when it was opened. */
  readonly size: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "r");
    this.size = fstatSync(this.#descriptor).size;
  }

  /** Whole lines from `offset` on, about 256 KiB of them; none at the end of the file, or where the last line has no end yet. */
  lines(offset: number): RawLine[] {
    for (let length = CHUNK_BYTES; ; length *= 4) {
      const chunk = this.#read(offset, Math.min(this.size, offset + Math.min(length, MAX_LINE_BYTES)));
      const end = chunk.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) return split(chunk.subarray(0, end), offset);
      if (offset + chunk.byteLength >= this.size) return [];
      if (length >= MAX_LINE_BYTES) return this.#skipLine(offset);
    }
  }

  /** A hash of the end of the line in `[start, end)`: together with its place it tells that what was read is still there. */
  tailHash(start: number, end: number): string {
    return hashTail(this.#read(Math.max(start, end - TAIL_BYTES), end));
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #skipLine(offset: number): RawLine[] {
    for (let at = offset; at < this.size; at += CHUNK_BYTES) {
      const lineFeed = this.#read(at, Math.min(this.size, at + CHUNK_BYTES)).indexOf(LINE_FEED);
      if (lineFeed !== -1) return [{ text: undefined, start: offset, end: at + lineFeed + 1 }];
    }
    return [];
  }

  #read(start: number, end: number): Buffer {
    const target = Buffer.allocUnsafe(Math.max(0, end - start));
    let done = 0;
    while (done < target.byteLength) {
      const read = readSync(this.#descriptor, target, done, target.byteLength - done, start + done);
      if (read === 0) break;
      done += read;
    }
    return target.subarray(0, done);
  }
}

export function hashTail(line: Uint8Array): string {
  return createHash("sha256").update(line.subarray(-TAIL_BYTES)).digest("base64url").slice(0, 22);
}

function split(chunk: Buffer, offset: number): RawLine[] {
  const lines: RawLine[] = [];
  const valid = isUtf8(chunk);
  for (let from = 0; from < chunk.byteLength; ) {
    const to = chunk.indexOf(LINE_FEED, from);
    const bytes = chunk.subarray(from, to);
    const text = valid || isUtf8(bytes) ? bytes.toString() : undefined;
    lines.push({ text, start: offset + from, end: offset + to + 1 });
    from = to + 1;
  }
  return lines;
}
