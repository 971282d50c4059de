import { basename, dirname, extname, join } from "node:path";
import { AppendOnlyLines, type AppendOnlyLinesOptions } from "./append-only-lines.ts";
import type { DurableFs } from "./durable-fs.ts";
import { errnoOf, toStorageError } from "./errors.ts";
import { type ReadLinesOptions, readLines, type StoredLine } from "./lines.ts";
import { nodeFs } from "./node-fs.ts";

export interface SegmentedLinesOptions extends AppendOnlyLinesOptions {
  /** A segment that a line would make longer is left for the next one. A longer line has a segment of its own. Default: no limit. */
  readonly maxSegmentBytes?: number;
  /** A segment takes lines for this long after it was opened. Default: no limit. */
  readonly maxSegmentAgeMs?: number;
  /** Milliseconds of a clock that never goes back; for tests. */
  readonly nowMs?: () => number;
}

/** A line, and the segment that it lies in. */
export interface SegmentLine extends StoredLine {
  readonly path: string;
}

/**
 * A log of lines in files of bounded size: `log.ndjson`, then `log.1.ndjson`, `log.2.ndjson`, ... Only the last one grows and none is ever renamed, so that a
 * crash between two of them loses and doubles nothing, and who follows the log may keep a file name and an offset.
 * Otherwise as `AppendOnlyLines`. One writer at a time.
 */
export class SegmentedLines implements AsyncDisposable {
  readonly path: string;
  readonly #options: SegmentedLinesOptions;
  readonly #fs: DurableFs;
  #number: number;
  #lines: AppendOnlyLines;
  #openedAtMs: number;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, number: number, lines: AppendOnlyLines, options: SegmentedLinesOptions) {
    this.path = path;
    this.#number = number;
    this.#lines = lines;
    this.#options = options;
    this.#fs = options.fs ?? nodeFs;
    this.#openedAtMs = this.#nowMs();
  }

  /** Opens the last segment, or creates the first. The caller closes it, or uses `await using`. */
  static async open(path: string, options: SegmentedLinesOptions = {}): Promise<SegmentedLines> {
    const segments = await listSegments(path, options.fs);
    const number = Math.max(0, segments.length - 1);
    return new SegmentedLines(path, number, await AppendOnlyLines.open(segmentPath(path, number), options), options);
  }

  /** Bytes of whole lines in the last segment. */
  get size(): number {
    return this.#lines.size;
  }

  /** Whether there is no line in any segment. */
  get empty(): boolean {
    return this.#number === 0 && this.#lines.size === 0;
  }

  /** Adds one line; see `AppendOnlyLines.appendLine`. */
  appendLine(text: string): Promise<void> {
    return this.appendLines([text]);
  }

  /** Adds lines in one write, to one segment; see `AppendOnlyLines.appendLines`. */
  appendLines(texts: readonly string[]): Promise<void> {
    return this.#enqueue(async () => {
      await this.#makeRoom(texts.reduce((bytes, text) => bytes + Buffer.byteLength(text) + 1, 0));
      await this.#lines.appendLines(texts);
    });
  }

  /** Makes all lines appended so far survive a power loss. */
  sync(): Promise<void> {
    return this.#enqueue(() => this.#lines.sync());
  }

  /**
   * Finds the first line for which the predicate holds and cuts it and all that follow, durably.
   * @returns number of lines cut
   */
  truncateFrom(isFirstToDrop: (line: SegmentLine) => boolean): Promise<number> {
    return this.#enqueue(async () => {
      const first = await this.#firstSegmentWith(isFirstToDrop);
      if (first === undefined) return 0;
      let dropped = 0;
      // From the end, so that a crash leaves a log without a gap.
      for (; this.#number > first; this.#number--) {
        await this.#lines.close();
        const path = segmentPath(this.path, this.#number);
        for await (const _line of readLines(path, { fs: this.#fs })) dropped++;
        await this.#remove(path);
        this.#lines = await AppendOnlyLines.open(segmentPath(this.path, this.#number - 1), this.#options);
      }
      const path = this.#lines.path;
      return dropped + (await this.#lines.truncateFrom((line) => isFirstToDrop({ ...line, path })));
    });
  }

  /** Waits for the appends under way, syncs and closes. Does nothing the second time. */
  close(): Promise<void> {
    return this.#enqueue(() => this.#lines.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { maxSegmentBytes = Number.POSITIVE_INFINITY, maxSegmentAgeMs = Number.POSITIVE_INFINITY } = this.#options;
    const { size } = this.#lines;
    if (size === 0) return;
    if (size + bytes <= maxSegmentBytes && this.#nowMs() - this.#openedAtMs < maxSegmentAgeMs) return;
    // Synced first: damage is looked for in the last segment only. The next one is there before this one is left, so
    // that a full disk leaves a log that still takes lines.
    await this.#lines.sync();
    const next = await AppendOnlyLines.open(segmentPath(this.path, this.#number + 1), this.#options);
    const full = this.#lines;
    this.#lines = next;
    this.#number++;
    this.#openedAtMs = this.#nowMs();
    await full.close();
  }

  async #firstSegmentWith(holds: (line: SegmentLine) => boolean): Promise<number | undefined> {
    for (let number = 0; number <= this.#number; number++) {
      const path = segmentPath(this.path, number);
      for await (const line of readLines(path, { fs: this.#fs })) if (holds({ ...line, path })) return number;
    }
    return undefined;
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#fs.unlink(path);
      await this.#fs.fsyncDir(dirname(path));
    } catch (error) {
      throw toStorageError(error, "remove", path);
    }
  }

  #nowMs(): number {
    return (this.#options.nowMs ?? (() => performance.now()))();
  }

  /** One at a time, in the order of the calls; a failure is told to its caller and does not stop the next. */
  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}

/**
 * The lines of all segments of a log, in order; see `readLines`. Numbers and offsets are those within the segment.
 * @throws {StorageError} `STORAGE_NOT_FOUND` when there is no segment
 */
export async function* readSegments(
  path: string,
  options: ReadLinesOptions = {},
): AsyncGenerator<SegmentLine, void, undefined> {
  const segments = await listSegments(path, options.fs);
  for (const segment of segments.length === 0 ? [path] : segments) {
    for await (const line of readLines(segment, options)) yield { ...line, path: segment };
  }
}

/** The segments of a log that are there, in order: those whose numbers follow each other from the first file. */
export async function listSegments(path: string, fs: DurableFs = nodeFs): Promise<string[]> {
  const names = new Set(
    await fs.readdir(dirname(path)).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return [] as string[];
      throw toStorageError(error, "read", dirname(path));
    }),
  );
  const segments: string[] = [];
  while (names.has(basename(segmentPath(path, segments.length)))) segments.push(segmentPath(path, segments.length));
  return segments;
}

/** The first segment has the name of the log. */
export function segmentPath(path: string, number: number): string {
  if (number === 0) return path;
  const extension = extname(path);
  return join(dirname(path), `${basename(path, extension)}.${number}${extension}`);
}
