import { dirname } from "node:path";
import { type DurableFile, type DurableFs, toStorageError, writeFully } from "@codex/storage";

/**
 * A new file that grows by whole records. A write that failed is no part of it: the next one overwrites what it left. One writer. The owner
 * closes it.
 */
export class RecordFile {
  readonly path: string;
  readonly #file: DurableFile;
  #size = 0;

  private constructor(path: string, file: DurableFile) {
    this.path = path;
    this.#file = file;
  }

  /** @throws {StorageError} `STORAGE_EXISTS`, `STORAGE_NOT_FOUND`, ... */
  static async create(path: string, fs: DurableFs): Promise<RecordFile> {
    try {
      const file = await fs.open(path, "wx");
      await fs.fsyncDir(dirname(path));
      return new RecordFile(path, file);
    } catch (error) {
      throw toStorageError(error, "create", path);
    }
  }

  /** Bytes of whole records. */
  get size(): number {
    return this.#size;
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
