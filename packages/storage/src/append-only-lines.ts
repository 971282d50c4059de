import { dirname } from "node:path";
import { type DurableFile, type DurableFs, readFully, writeFully } from "./durable-fs.ts";
import { errnoOf, StorageError, toStorageError } from "./errors.ts";
import { readLines, type StoredLine } from "./lines.ts";
import { nodeFs } from "./node-fs.ts";

export interface AppendOnlyLinesOptions {
  fs?: DurableFs;
  /**
   * When lines become safe from a power loss (a killed process loses nothing either way): `line` before `append`
   * returns; `manual` at `sync` and `close`. Default: `manual`.
   */
  sync?: "line" | "manual";
}

const LINE_FEED = 10;

/**
 * A file of lines that grows at its end: NDJSON, CSV. Each line is written whole, in the order of the calls. What a
 * killed writer left of its last line is cut on opening, and so is what a power loss left of lines not yet synced. One writer at a time: hold a lock (`acquireLock`).
 */
export class AppendOnlyLines implements AsyncDisposable {
  readonly path: string;
  readonly #fs: DurableFs;
  readonly #file: DurableFile;
  readonly #syncEachLine: boolean;
  #size: number;
  /** A failed write may have left a piece of a line behind the end. */
  #torn = false;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: DurableFile, size: number, fs: DurableFs, syncEachLine: boolean) {
    this.path = path;
    this.#file = file;
    this.#size = size;
    this.#fs = fs;
    this.#syncEachLine = syncEachLine;
  }

  /**
   * Opens the file, or creates it, durably. The caller closes it (or uses `await using`).
   * @throws {StorageError} `STORAGE_NOT_FOUND` when the directory is missing, `STORAGE_DISK_FULL`, ...
   */
  static async open(
    path: string,
    { fs = nodeFs, sync = "manual" }: AppendOnlyLinesOptions = {},
  ): Promise<AppendOnlyLines> {
    try {
      const file = await openOrCreate(path, fs);
      try {
        const size = await cutDamage(file);
        return new AppendOnlyLines(path, file, size, fs, sync === "line");
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw toStorageError(error, "open", path);
    }
  }

  /** Bytes of whole lines in the file. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds `JSON.stringify(record)` as a line.
   * @throws {StorageError} `STORAGE_LINE_INVALID` when the record has no JSON form; see `appendLine`
   */
  append(record: unknown): Promise<void> {
    const text: string | undefined = JSON.stringify(record);
    if (text === undefined) {
      return Promise.reject(
        new StorageError("STORAGE_LINE_INVALID", `${this.path}: expected a JSON value, came ${typeof record}`),
      );
    }
    return this.appendLine(text);
  }

  /**
   * Adds one line; the line feed is added here. After a failure the file ends with the last whole line, and the next
   * append may succeed.
   * @throws {StorageError} `STORAGE_LINE_INVALID` for a text with a line feed or a zero byte, `STORAGE_DISK_FULL`, `STORAGE_CLOSED`, ...
   */
  appendLine(text: string): Promise<void> {
    return this.appendLines([text]);
  }

  /** Adds lines in one write: all of them, or after a failure none. @throws {StorageError} as `appendLine` */
  appendLines(texts: readonly string[]): Promise<void> {
    const invalid = texts.find((text) => /[\n\0]/.test(text));
    if (invalid !== undefined) {
      return Promise.reject(
        new StorageError(
          "STORAGE_LINE_INVALID",
          `${this.path}: expected one line, came ${JSON.stringify(invalid.slice(0, 80))}`,
        ),
      );
    }
    const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
    return this.#enqueue("write", async () => {
      await this.#repair();
      this.#torn = true;
      await writeFully(this.#file, bytes, this.#size);
      this.#torn = false;
      this.#size += bytes.byteLength;
      if (this.#syncEachLine) await this.#file.fsync();
    });
  }

  /** Makes all lines appended so far survive a power loss. */
  sync(): Promise<void> {
    return this.#enqueue("sync", () => this.#file.fsync());
  }

  /**
   * Takes the file back in time: finds the first line for which the predicate holds and cuts it and all that follow,
   * durably. On resuming from step 100: `lines.truncateFrom((line) => JSON.parse(line.text).step > 100)`.
   *
   * @returns number of lines cut
   */
  truncateFrom(isFirstToDrop: (line: StoredLine) => boolean): Promise<number> {
    return this.#enqueue("truncate", async () => {
      await this.#repair();
      let cutAt: number | undefined;
      let dropped = 0;
      for await (const line of readLines(this.path, { fs: this.#fs })) {
        if (cutAt === undefined && isFirstToDrop(line)) cutAt = line.start;
        if (cutAt !== undefined) dropped++;
      }
      if (cutAt !== undefined) {
        await this.#file.truncate(cutAt);
        this.#size = cutAt;
        await this.#file.fsync();
      }
      return dropped;
    });
  }

  /** Waits for the appends under way, syncs and closes. Does nothing the second time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const finished = this.#enqueue("sync", async () => {
      try {
        await this.#repair();
        await this.#file.fsync();
      } finally {
        await this.#file.close();
      }
    });
    this.#closed = true;
    await finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #repair(): Promise<void> {
    if (!this.#torn) return;
    await this.#file.truncate(this.#size);
    this.#torn = false;
  }

  /** One at a time, in the order of the calls; a failure is told to its caller and does not stop the next. */
  #enqueue<T>(action: string, task: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StorageError("STORAGE_CLOSED", `${this.path}: ${action} after close`));
    const result = this.#last.then(task).catch((error: unknown) => {
      throw toStorageError(error, action, this.path);
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

async function openOrCreate(path: string, fs: DurableFs): Promise<DurableFile> {
  try {
    return await fs.open(path, "r+");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  const file = await fs.open(path, "wx");
  try {
    await fs.fsyncDir(dirname(path));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Cuts what a crash may have left: a last line without line feed and, after a power loss, everything from the first
 * zero byte, which stands where bytes did not reach the disk. Returns the size that is left.
 */
async function cutDamage(file: DurableFile): Promise<number> {
  const size = await file.size();
  const chunk = new Uint8Array(64 * 1024);
  let whole = 0;
  for (let position = 0; position < size; position += chunk.byteLength) {
    const read = await readFully(file, chunk, position);
    const zero = chunk.subarray(0, read).indexOf(0);
    const lineFeed = chunk.subarray(0, zero === -1 ? read : zero).lastIndexOf(LINE_FEED);
    if (lineFeed !== -1) whole = position + lineFeed + 1;
    if (zero !== -1) break;
  }
  if (whole < size) {
    await file.truncate(whole);
    await file.fsync();
  }
  return whole;
}
