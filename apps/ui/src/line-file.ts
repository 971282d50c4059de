/**
 * Follows a line file that somebody else appends to: reads what came since the last time, whole lines only. A file that was cut, rewritten or
 * replaced (resuming a run cuts what comes again) is noticed by its length, its identity and the bytes before the place where reading stopped,
 * and read anew.
 */
import { stat } from "node:fs/promises";
import { openInside } from "./safe-file.ts";

export interface LineSink {
  /**
   * Whole lines, each with its line feed.
   * @param bytes - valid during the call only
   * @param firstLine - number of the first one, from 1
   * @param offset - of the first byte in the file
   * @returns how many lines these were
   */
  lines(bytes: Buffer, firstLine: number, offset: number): number;
  /** What was told so far no longer stands. */
  restart(): void;
}

const CHUNK_BYTES = 1024 * 1024;
/** A line of more is passed over: no writer of ours makes one. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const FINGERPRINT_BYTES = 64;
const LINE_FEED = 10;

export class LineFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #sink: LineSink;
  #offset = 0;
  #line = 1;
  #inode = -1;
  #stamp = "";
  #fingerprint: Buffer = Buffer.alloc(0);
  #isAtEnd = false;

  /** @param folder - real path that the file has to lie in */
  constructor(folder: string, path: string, sink: LineSink) {
    this.#folder = folder;
    this.#path = path;
    this.#sink = sink;
  }

  get bytesRead(): number {
    return this.#offset;
  }

  /** Whether there may be something that was not read yet. */
  async hasNews(): Promise<boolean> {
    const { size, mtimeMs, ino } = await this.#status();
    return !this.#isAtEnd || this.#stamp !== `${ino} ${size} ${mtimeMs}`;
  }

  /**
   * Reads on. Resolves to true at the end of the file, to false when `budgetMs` was up before.
   * Not to be called again before it has resolved.
   */
  async advance(budgetMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const until = performance.now() + budgetMs;
    const status = await this.#status();
    const stamp = `${status.ino} ${status.size} ${status.mtimeMs}`;
    if (this.#isAtEnd && stamp === this.#stamp) return true;
    const handle = await openInside(this.#folder, this.#path);
    if (handle === undefined) {
      if (this.#offset > 0) this.#restart();
      this.#stamp = stamp;
      this.#isAtEnd = true;
      return true;
    }
    try {
      const { ino, size } = await handle.stat();
      if (this.#offset > 0 && (ino !== this.#inode || size < this.#offset || !(await this.#isSame(handle)))) {
        this.#restart();
      }
      this.#inode = ino;
      this.#isAtEnd = false;
      let chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, size - this.#offset)));
      while (this.#offset < size) {
        const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, size - this.#offset), this.#offset);
        if (bytesRead === 0) break; // cut meanwhile: the next call will see it
        const end = chunk.lastIndexOf(LINE_FEED, bytesRead - 1) + 1;
        if (end === 0) {
          if (this.#offset + bytesRead >= size) break; // a line that is not finished
          if (chunk.length < MAX_LINE_BYTES) chunk = Buffer.allocUnsafe(chunk.length * 4);
          else this.#offset += bytesRead;
          continue;
        }
        const whole = chunk.subarray(0, end);
        this.#line += this.#sink.lines(whole, this.#line, this.#offset);
        this.#offset += end;
        this.#fingerprint = Buffer.from(whole.subarray(Math.max(0, end - FINGERPRINT_BYTES)));
        if (performance.now() > until && this.#offset < size) return false;
      }
      this.#stamp = stamp;
      this.#isAtEnd = true;
      return true;
    } finally {
      await handle.close();
    }
  }

  /** Forgets everything; the next call reads from the start. */
  forget(): void {
    this.#restart();
  }

  #restart(): void {
    this.#offset = 0;
    this.#line = 1;
    this.#fingerprint = Buffer.alloc(0);
    this.#isAtEnd = false;
    this.#sink.restart();
  }

  async #isSame(handle: {
    read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  }): Promise<boolean> {
    const { length } = this.#fingerprint;
    const found = Buffer.alloc(length);
    const { bytesRead } = await handle.read(found, 0, length, this.#offset - length);
    return bytesRead === length && found.equals(this.#fingerprint);
  }

  #status(): Promise<{ size: number; mtimeMs: number; ino: number }> {
    return stat(this.#path).catch(() => ({ size: 0, mtimeMs: 0, ino: 0 }));
  }
}
