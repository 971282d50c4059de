import { createHash, type Hash } from "node:crypto";
import { type DurableFile, type DurableFs, writeFully } from "./durable-fs.ts";
import { StorageError, toStorageError } from "./errors.ts";
import { nodeFs } from "./node-fs.ts";

export interface WrittenFile {
  /** Bytes in the file. */
  readonly size: number;
  /** SHA-256 of what was written, in lower-case hexadecimal. */
  readonly sha256: string;
}

/** Hashing blocks the event loop: for some milliseconds at a time, however large the array. */
const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * Writes a new file from start to end, hashing on the way. The bytes are durable once `finish` returns; the name is
 * after `fsyncDir` of the directory, which `writeFileDurably` and `commitDirectory` see to.
 */
export class FileWriter {
  readonly path: string;
  readonly #file: DurableFile;
  readonly #hash: Hash = createHash("sha256");
  #size = 0;
  #state: "open" | "closed" = "open";

  private constructor(path: string, file: DurableFile) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Creates the file. The caller calls `finish`, or `abort`.
   * @throws {StorageError} `STORAGE_EXISTS`, `STORAGE_DISK_FULL`, `STORAGE_NOT_FOUND` (no such directory), ...
   */
  static async create(path: string, { fs = nodeFs }: { fs?: DurableFs } = {}): Promise<FileWriter> {
    try {
      return new FileWriter(path, await fs.open(path, "wx"));
    } catch (error) {
      throw toStorageError(error, "create", path);
    }
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends bytes (or text, as UTF-8). The array may be reused once this resolves. Await each call before the next. */
  async write(contents: Uint8Array | string): Promise<void> {
    if (this.#state !== "open") throw new StorageError("STORAGE_CLOSED", `${this.path}: write after finish or abort`);
    const bytes = typeof contents === "string" ? Buffer.from(contents) : contents;
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      await writeFully(this.#file, piece, this.#size).catch((error: unknown) => {
        throw toStorageError(error, "write", this.path);
      });
      this.#hash.update(piece);
      this.#size += piece.byteLength;
    }
  }

  /** Syncs and closes. */
  async finish(): Promise<WrittenFile> {
    if (this.#state !== "open") throw new StorageError("STORAGE_CLOSED", `${this.path}: finished twice`);
    this.#state = "closed";
    try {
      try {
        await this.#file.fsync();
      } finally {
        await this.#file.close();
      }
    } catch (error) {
      throw toStorageError(error, "sync", this.path);
    }
    return { size: this.#size, sha256: this.#hash.digest("hex") };
  }

  /** Closes without promising anything about the contents; the caller deletes the file. Never fails. */
  async abort(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closed";
    await this.#file.close().catch(() => {}); // there is already an error on its way to the user, and this one adds nothing
  }
}
