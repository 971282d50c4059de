/**
 * A file of lines that several processes append to, without a lock: each batch is one `write` in append mode, which the
 * system puts at the end as a whole, so that batches of different processes do not mix.
 *
 * A killed process, or a full disk, can leave the first bytes of a batch without their line feed. Whoever appends next writes
 * something behind that piece (after which no other write can still be adding to it), blanks it, and ends it with a line
 * feed: readers find a line of spaces, never half a record. A piece that is JSON was only lacking its line feed
 * (other programs end files so), and stays.
 */
import type { AppendFile, AppendFs } from "./append-fs.ts";
import { nodeAppendFs } from "./append-fs.ts";
import { errnoOf, StorageError, toStorageError } from "./errors.ts";

/** Where appended lines ended up. */
export interface AppendedLines {
  /** How many of the lines are in the file, whole: fewer than given where the disk got full in between. */
  readonly count: number;
  /** Offsets of the lines, in bytes: the first byte, and the one after the last line feed. Undefined when they are not known. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
}

interface Segment {
  readonly position: number | undefined;
  readonly bytes: Uint8Array;
}

const LINE_FEED = 10;
const SPACE = 32;
/** A longer piece without a line feed is left as it is: readers report it. */
const MAX_PIECE_BYTES = 16 * 1024 * 1024;

export class SharedLines {
  readonly path: string;
  readonly #fs: AppendFs;
  #file: AppendFile | undefined;
  /** Where the file ended when it was last looked at; undefined when that failed. */
  #end: number | undefined = 0;
  /** Where the last append began, if nobody else had written since the one before it. */
  #known: number | undefined;
  /** Whether the last byte is not a line feed. */
  #torn = false;
  /** What was written since the last sync that succeeded. */
  #unsynced: Segment[] = [];
  /** A sync failed: the system may have forgotten what it had not stored, so that it has to be written again. */
  #suspect = false;
  #syncing: Promise<void> | undefined;
  #closed = false;

  /** Nothing is opened or created before the first `append`. The caller closes it. */
  constructor(path: string, { fs = nodeAppendFs }: { fs?: AppendFs } = {}) {
    this.path = path;
    this.#fs = fs;
  }

  /**
   * Adds lines in one write. A file that was deleted or replaced is opened anew. After a failure the next append may succeed.
   *
   * @param lines - JSON texts without line feeds and zero bytes
   * @throws {StorageError} when none of the lines could be written: `STORAGE_DISK_FULL`, `STORAGE_PERMISSION_DENIED`, ...
   */
  append(lines: readonly string[]): AppendedLines {
    if (lines.length === 0) return { count: 0, range: undefined };
    for (const line of lines) assertLine(line, this.path);
    try {
      const file = this.#open();
      if (this.#torn) this.#clearPiece(file);
      const seal = this.#torn ? 1 : 0;
      const bytes = Buffer.from(`${seal ? "\n" : ""}${lines.join("\n")}\n`);
      const written = appendOnce(file, bytes);
      if (written < bytes.byteLength) return this.#afterShortWrite(file, bytes.subarray(0, written), lines[0]!, seal);
      const position = this.#locateOrForget(file, bytes);
      this.#unsynced.push({ position, bytes });
      if (position === undefined) return { count: lines.length, range: undefined };
      const whole = this.#mend(file, position, lines[0]!, seal);
      return {
        count: lines.length,
        range: whole ? { start: position + seal, end: position + bytes.byteLength } : undefined,
      };
    } catch (error) {
      throw toStorageError(error, "write", this.path);
    }
  }

  /** Makes the lines appended so far survive a power loss. After a failure the next sync may succeed, and covers them too. */
  async sync(): Promise<void> {
    const before = this.#syncing;
    const current = (async () => {
      await before?.catch(() => {});
      await this.#sync((file) => file.fsync());
    })();
    this.#syncing = current;
    await current;
  }

  /** `sync`, holding up the event loop: for a process that is ending. */
  syncNow(): void {
    const file = this.#file;
    if (file === undefined || this.#unsynced.length === 0) return;
    try {
      this.#rewriteSuspect(file);
      file.fsyncSync();
      this.#unsynced = [];
      this.#suspect = false;
    } catch (error) {
      this.#suspect = true;
      throw toStorageError(error, "sync", this.path);
    }
  }

  /** Waits for a sync under way, and closes; does not sync what was not synced. Does nothing the second time. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#syncing?.catch(() => {});
    this.#release();
  }

  #open(): AppendFile {
    if (this.#closed) throw new StorageError("STORAGE_CLOSED", `${this.path}: append after close`);
    if (this.#file?.isCurrent()) return this.#file;
    // While its sync is under way the old descriptor has to stay: its number would be given to the next file.
    const old = this.#file;
    if (old !== undefined) void (this.#syncing ?? Promise.resolve()).catch(() => {}).then(() => old.close());
    this.#file = undefined;
    this.#unsynced = [];
    this.#suspect = false;
    const file = this.#fs.openAppend(this.path);
    try {
      const end = file.size();
      this.#end = end;
      this.#torn = end > 0 && readRange(file, end - 1, end)[0] !== LINE_FEED;
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }

  #release(): void {
    const file = this.#file;
    this.#file = undefined;
    try {
      file?.close();
    } catch {
      // What was to be kept has been synced before.
    }
  }

  async #sync(fsync: (file: AppendFile) => Promise<void>): Promise<void> {
    const file = this.#file;
    if (file === undefined || this.#unsynced.length === 0) return;
    const covered = this.#unsynced.length;
    try {
      this.#rewriteSuspect(file);
      await fsync(file);
    } catch (error) {
      if (this.#file === file) this.#suspect = true;
      throw toStorageError(error, "sync", this.path);
    }
    if (this.#file !== file) return; // deleted or replaced meanwhile: nothing of it is left to sync
    this.#unsynced.splice(0, covered);
    this.#suspect = false;
  }

  #rewriteSuspect(file: AppendFile): void {
    if (!this.#suspect) return;
    for (const { position, bytes } of this.#unsynced) {
      if (position === undefined)
        appendOnce(file, bytes); // doubled lines: readers know them by their ids
      else overwriteFully(file, bytes, position);
    }
  }

  /**
   * Blanks the piece that the file ends with, before anything is written behind it: killed at any point of this, the file
   * still ends with a piece. The space that is appended first is a barrier: with it at its place, the write that left the piece
   * is over. Where another process writes at the same time, the piece is left for `#mend`.
   */
  #clearPiece(file: AppendFile): void {
    const before = this.#end;
    if (before === undefined || appendOnce(file, Uint8Array.of(SPACE)) !== 1) return;
    const end = file.size();
    this.#end = end;
    if (end !== before + 1) return;
    const start = startOfLastLine(file, Math.max(0, end - MAX_PIECE_BYTES), end);
    if (start === undefined) return;
    const piece = readRange(file, start, end);
    if (isBlank(piece) || isJson(piece)) return;
    const blank = new Uint8Array(end - start).fill(SPACE);
    overwriteFully(file, blank, start);
    this.#unsynced.push({ position: start, bytes: blank });
  }

  /** The lines that got in whole count; the piece behind them is mended by the next append. */
  #afterShortWrite(file: AppendFile, bytes: Uint8Array, first: string, seal: number): AppendedLines {
    const whole = bytes.lastIndexOf(LINE_FEED) + 1;
    const position = this.#locateOrForget(file, bytes);
    this.#torn = true;
    const kept = bytes.subarray(0, whole);
    let count = -seal;
    for (const byte of kept) if (byte === LINE_FEED) count++;
    if (count <= 0) throw Object.assign(new Error("ENOSPC: the disk took only a part of a line"), { code: "ENOSPC" });
    this.#unsynced.push({ position, bytes: kept.slice() });
    if (position === undefined) return { count, range: undefined };
    const mended = this.#mend(file, position, first, seal);
    this.#torn = true;
    return { count, range: mended ? { start: position + seal, end: position + whole } : undefined };
  }

  /** The lines are written: that a later look at the file fails is no failure of theirs. */
  #locateOrForget(file: AppendFile, bytes: Uint8Array): number | undefined {
    try {
      return this.#locate(file, bytes);
    } catch {
      this.#end = undefined;
      this.#torn = true;
      return undefined;
    }
  }

  /** Whether the byte before `position` is other than a line feed. Where nobody can tell, yes: a line twice is better than none. */
  #followsPiece(file: AppendFile, position: number, seal: number): boolean {
    if (position === this.#known) return seal === 1;
    try {
      return position > 0 && readRange(file, position - 1, position)[0] !== LINE_FEED;
    } catch {
      return true;
    }
  }

  /** Where the bytes just written lie, and what the file ends with: other processes may have written before and after. */
  #locate(file: AppendFile, bytes: Uint8Array): number | undefined {
    const before = this.#end;
    const size = file.size();
    this.#end = size;
    if (before !== undefined && size === before + bytes.byteLength) {
      this.#torn = false;
      this.#known = before;
      return before;
    }
    this.#torn = true; // unless the last byte says otherwise
    if (before === undefined || size < before || size - before > MAX_PIECE_BYTES + bytes.byteLength) return undefined; // cut by somebody, or very busy
    const region = readRange(file, before, size);
    this.#torn = region.at(-1) !== LINE_FEED;
    const at = Buffer.from(region.buffer, region.byteOffset, region.byteLength).indexOf(bytes);
    return at === -1 ? undefined : before + at;
  }

  /**
   * Blanks the piece of a line before `position`, if there is one. Where it stuck to our first line, that line is written
   * again at the end: a reader may have passed the place already.
   *
   * @returns whether all our lines lie where they were written
   */
  #mend(file: AppendFile, position: number, first: string, seal: number): boolean {
    if (!this.#followsPiece(file, position, seal)) return true;
    const stuck = seal === 0 ? Buffer.byteLength(first) : 0;
    if (stuck > 0) this.append([first]);
    try {
      const start = startOfLastLine(file, Math.max(0, position - MAX_PIECE_BYTES), position);
      if (start === undefined) return stuck === 0;
      const piece = readRange(file, start, position);
      if (isJson(piece) || (stuck === 0 && isBlank(piece))) return stuck === 0;
      const blank = new Uint8Array(position - start + stuck).fill(SPACE);
      overwriteFully(file, blank, start);
      this.#unsynced.push({ position: start, bytes: blank });
    } catch {
      // Readers skip what is no record.
    }
    return stuck === 0;
  }
}

function assertLine(line: string, path: string): void {
  if (!/[\n\0]/.test(line)) return;
  throw new StorageError(
    "STORAGE_LINE_INVALID",
    `${path}: expected one line, came ${JSON.stringify(line.slice(0, 80))}`,
  );
}

const MAX_INTERRUPTIONS = 100;

function appendOnce(file: AppendFile, bytes: Uint8Array): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return file.append(bytes);
    } catch (error) {
      if (errnoOf(error) !== "EINTR" || attempt === MAX_INTERRUPTIONS) throw error;
    }
  }
}

function overwriteFully(file: AppendFile, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; ) done += file.overwrite(bytes.subarray(done), position + done);
}

function readRange(file: AppendFile, start: number, end: number): Uint8Array {
  const target = new Uint8Array(end - start);
  let done = 0;
  while (done < target.byteLength) {
    const read = file.read(target.subarray(done), start + done);
    if (read === 0) break;
    done += read;
  }
  return target.subarray(0, done);
}

const CHUNK_BYTES = 64 * 1024;

/** Offset after the last line feed in `[from, end)`; `from` itself only when it is the start of the file. */
function startOfLastLine(file: AppendFile, from: number, end: number): number | undefined {
  for (let high = end; high > from; ) {
    const low = Math.max(from, high - CHUNK_BYTES);
    const lineFeed = readRange(file, low, high).lastIndexOf(LINE_FEED);
    if (lineFeed !== -1) return low + lineFeed + 1;
    high = low;
  }
  return from === 0 ? 0 : undefined;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === SPACE);
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes).toString());
    return true;
  } catch {
    return false;
  }
}
