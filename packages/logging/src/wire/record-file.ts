import { dirname } from "node:path";
import { type DurableFile, type DurableFs, toStorageError, writeFully } from "@codex/storage";

/**
 * A file that grows by whole records. A write that failed is no part of it: the next one overwrites what it left. One writer. The owner
 * closes it.
 */
export class RecordFile {
  readonly path: string;
  readonly #file: DurableFile;
  #size: number;

  private constructor(path: string, file: DurableFile, size: number) {
    this.path = path;
    this.#file = file;
    this.#size = size;
  }

  /** @throws {StorageError} `STORAGE_EXISTS`, `STORAGE_NOT_FOUND`, ... */
  static async create(path: string, fs: DurableFs): Promise<RecordFile> {
    try {
      const file = await fs.open(path, "wx");
      await fs.fsyncDir(dirname(path));
      return new RecordFile(path, file, 0);
    } catch (error) {
      throw toStorageError(error, "create", path);
    }
  }

  /** Goes on with a file behind its first `size` bytes; what follows is cut. */
  static async open(path: string, size: number, fs: DurableFs): Promise<RecordFile> {
    try {
      const file = await fs.open(path, "r+");
      await file.truncate(size);
      return new RecordFile(path, file, size);
    } catch (error) {
      throw toStorageError(error, "open", path);
    }
  }

  /** Bytes of whole records. */
  get size(): number {
    return this.#size;
  }

  /** Takes away what stands behind the first `size` bytes. */
  async cut(size: number): Promise<void> {
    try {
      await this.#file.truncate(size);
      this.#size = size;
    } catch (error) {
      throw toStorageError(error, "truncate", this.path);
    }
  }

  /** @throws {StorageError} `STORAGE_DISK_FULL`, ... */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      await writeFully(this.#file, bytes, this.#size);
      this.#size += bytes.byteLength;
    } catch (error) {
      throw toStorageError(error, "write", this.path);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
      await this.#file.fsync();
    } catch (error) {
      throw toStorageError(error, "sync", this.path);
    } finally {
      await this.#file.close();
    }
  }
}
