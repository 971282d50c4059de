import type { DurableFile, DurableFs } from "./durable-fs.ts";
import { errnoOf, toStorageError } from "./errors.ts";
import { nodeFs } from "./node-fs.ts";
import { segmentPath } from "./segmented-lines.ts";

interface OpenSegment {
  readonly file: DurableFile;
  /** Where it begins in the whole log. */
  readonly start: number;
}

/**
 * The segments of a log that may still grow, read as the one file that they would be without segments. A log that is not there has no
 * bytes yet. The caller closes it, or uses `await using`.
 */
export class SegmentReader implements AsyncDisposable {
  readonly path: string;
  readonly #fs: DurableFs;
  readonly #segments: OpenSegment[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, { fs = nodeFs }: { fs?: DurableFs } = {}) {
    this.path = path;
    this.#fs = fs;
  }

  /** Bytes read, which may be fewer than asked for; 0 at the end of the log. */
  read(target: Uint8Array, position: number): Promise<number> {
    const result = this.#last.then(() => this.#read(target, position));
    this.#last = result.catch(() => {});
    return result.catch((error: unknown) => {
      throw toStorageError(error, "read", this.path);
    });
  }

  async close(): Promise<void> {
    await this.#last;
    for (const { file } of this.#segments.splice(0)) await file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(target: Uint8Array, position: number): Promise<number> {
    for (;;) {
      const segment = this.#segments.findLast(({ start }) => start <= position);
      if (segment !== undefined) {
        const read = await segment.file.read(target, position - segment.start);
        if (read > 0 || segment !== this.#segments.at(-1)) return read;
        // At its end: this is the end of the log unless there is a next segment.
        const end = segment.start + (await segment.file.size());
        if (position > end || !(await this.#openNext(end))) return 0;
        // A line may have been added before its writer went on to the next one.
        const late = await segment.file.read(target, position - segment.start);
        if (late > 0) return late;
      } else if (!(await this.#openNext(0))) return 0;
    }
  }

  async #openNext(start: number): Promise<boolean> {
    try {
      const file = await this.#fs.open(segmentPath(this.path, this.#segments.length), "r");
      const before = this.#segments.at(-1);
      // Its size is final now that there is a next one.
      const begin = before === undefined ? start : before.start + (await before.file.size());
      this.#segments.push({ file, start: begin });
      return true;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    }
  }
}
