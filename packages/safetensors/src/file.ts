import { type DurableFile, type DurableFs, nodeFs, readFully, toStorageError } from "@codex/storage";
import { convertToFloat32, isFloat32Compatible } from "./convert.ts";
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
  close(): Promise<void>;
}

export interface OpenSafetensorsOptions extends HeaderLimits {
  fs?: DurableFs;
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Bytes that a conversion holds beside its result. */
const CHUNK_BYTES = 4 * 1024 * 1024;

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
    const info = this.#info(name);
    const { dtype } = info;
    if (!isFloat32Compatible(dtype)) {
      throw new SafetensorsError(
        "SAFETENSORS_DTYPE_UNSUPPORTED",
        `${this.#path}: tensor ${JSON.stringify(name)}: expected F32, F16 or BF16, found ${dtype}`,
      );
    }
    const bytesPerElement = DTYPE_BITS[dtype] / 8;
    const values = new Float32Array(info.byteLength / bytesPerElement);
    if (dtype === "F32" && HOST_IS_LITTLE_ENDIAN) {
      await this.#fill(info, new Uint8Array(values.buffer), 0); // the bytes are the values
      return values;
    }
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, info.byteLength));
    for (let at = 0; at < info.byteLength; at += chunk.byteLength) {
      const piece = chunk.subarray(0, Math.min(chunk.byteLength, info.byteLength - at));
      await this.#fill(info, piece, at);
      convertToFloat32(dtype, piece, values.subarray(at / bytesPerElement));
    }
    return values;
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
