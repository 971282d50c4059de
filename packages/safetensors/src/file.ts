import { type DurableFile, type DurableFs, nodeFs, readFully, toStorageError } from "@codex/storage";
import { convertToFloat32, type Float32CompatibleDtype, isFloat32Compatible } from "./convert.ts";
import { DTYPE_BITS } from "./dtype.ts";
import { SafetensorsError } from "./errors.ts";
import { type HeaderLimits, parseHeader, parseHeaderLength, type TensorInfo } from "./header.ts";

/** Tensors in one file or in several shards. */
export interface TensorReader extends AsyncDisposable {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__` of the file (of the index, for shards). */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * The bytes of one tensor, little endian, in a buffer of its own (at offset 0, so typed arrays can view it).
   * @throws {SafetensorsError} `SAFETENSORS_TENSOR_MISSING`, `SAFETENSORS_SIZE_MISMATCH`
   */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The elements of a F32, F16 or BF16 tensor, exactly.
   * @throws {SafetensorsError} `SAFETENSORS_DTYPE_UNSUPPORTED` for others, and those of `read`
   */
  readFloat32(name: string): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The same elements in pieces of a megabyte; while one is used the next is read. A piece holds until the next is asked for.
   * @throws {SafetensorsError} those of `readFloat32`
   */
  float32Pieces(name: string): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined>;
  close(): Promise<void>;
}

export interface OpenSafetensorsOptions extends HeaderLimits {
  fs?: DurableFs;
}

/** Bytes of a piece, which is to stay in the cache. Two are held: one that is used, one that is read. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Opens a file and checks its whole header; tensors are read when asked for. The caller closes it (`await using` does).
 *
 * @throws {SafetensorsError} `SAFETENSORS_HEADER_INVALID`, `SAFETENSORS_SIZE_MISMATCH`, `SAFETENSORS_LIMIT_EXCEEDED`
 * @throws {StorageError} of `@codex/storage`: `STORAGE_NOT_FOUND`, ...
 */
export async function openSafetensors(path: string, options: OpenSafetensorsOptions = {}): Promise<TensorReader> {
  const { fs = nodeFs } = options;
  try {
    const file = await fs.open(path, "r");
    try {
      const size = await file.size();
      const prefix = new Uint8Array(8);
      const length = parseHeaderLength(prefix.subarray(0, await readFully(file, prefix, 0)), size, path, options);
      const bytes = new Uint8Array(length);
      const read = await readFully(file, bytes, 8);
      return new SafetensorsFile(path, file, parseHeader(bytes.subarray(0, read), size, path, options));
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw toStorageError(error, "read", path);
  }
}

class SafetensorsFile implements TensorReader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #path: string;
  readonly #file: DurableFile;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];

  constructor(path: string, file: DurableFile, header: Pick<TensorReader, "tensors" | "metadata">) {
    this.#path = path;
    this.#file = file;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const info = this.#info(name);
    const bytes = new Uint8Array(info.byteLength);
    await this.#fill(info, bytes, 0);
    return bytes;
  }

  async readFloat32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { info, dtype } = this.#float32Info(name);
    const values = new Float32Array((8 * info.byteLength) / DTYPE_BITS[dtype]);
    if (dtype === "F32") {
      await this.#fill(info, new Uint8Array(values.buffer), 0); // the bytes are the values
      return values;
    }
    let at = 0;
    for await (const piece of this.float32Pieces(name)) {
      values.set(piece, at);
      at += piece.length;
    }
    return values;
  }

  async *float32Pieces(name: string): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    const { info, dtype } = this.#float32Info(name);
    const { byteLength } = info;
    const chunks = [this.#takeChunk(byteLength), this.#takeChunk(byteLength - CHUNK_BYTES)];
    const converted = dtype === "F32" ? undefined : new Float32Array(Math.min(CHUNK_BYTES, byteLength) / 2);
    const read = (start: number): Promise<Uint8Array<ArrayBuffer>> => {
      const chunk = chunks[(start / CHUNK_BYTES) % 2]!.subarray(0, Math.min(CHUNK_BYTES, byteLength - start));
      return this.#fill(info, chunk, start).then(() => chunk);
    };
    let reading: Promise<Uint8Array<ArrayBuffer>> | undefined = byteLength > 0 ? read(0) : undefined;
    try {
      for (let next = CHUNK_BYTES; reading !== undefined; next += CHUNK_BYTES) {
        const bytes: Uint8Array<ArrayBuffer> = await reading;
        reading = next < byteLength ? read(next) : undefined;
        reading?.catch(() => {}); // heard of when it is awaited
        if (converted === undefined) {
          yield new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
        } else {
          convertToFloat32(dtype, bytes, converted);
          yield converted.subarray(0, bytes.byteLength / 2);
        }
      }
    } finally {
      await reading?.catch(() => {}); // nobody may get a chunk that is still written to
      this.#chunks.push(...chunks.filter((chunk) => chunk.byteLength === CHUNK_BYTES));
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info) return info;
    throw new SafetensorsError(
      "SAFETENSORS_TENSOR_MISSING",
      `${this.#path}: expected tensor ${JSON.stringify(name)}, it has none of that name`,
    );
  }

  /** Chunks that were used before: fresh memory costs as much as reading into it. */
  #takeChunk(byteLength: number): Uint8Array<ArrayBuffer> {
    if (byteLength < CHUNK_BYTES) return new Uint8Array(Math.max(0, byteLength));
    return this.#chunks.pop() ?? new Uint8Array(CHUNK_BYTES);
  }

  #float32Info(name: string): { info: TensorInfo; dtype: Float32CompatibleDtype } {
    const info = this.#info(name);
    const { dtype } = info;
    if (isFloat32Compatible(dtype)) return { info, dtype };
    throw new SafetensorsError(
      "SAFETENSORS_DTYPE_UNSUPPORTED",
      `${this.#path}: tensor ${JSON.stringify(name)}: expected F32, F16 or BF16, found ${dtype}`,
    );
  }

  async #fill(info: TensorInfo, target: Uint8Array, offset: number): Promise<void> {
    const read = await readFully(this.#file, target, info.start + offset).catch((error: unknown) => {
      throw toStorageError(error, "read", this.#path);
    });
    if (read < target.byteLength) {
      throw new SafetensorsError(
        "SAFETENSORS_SIZE_MISMATCH",
        `${this.#path}: tensor ${JSON.stringify(info.name)}: expected ${info.byteLength} bytes at ${info.start}, the file ended (it was cut after it was opened)`,
      );
    }
  }
}
