/**
 * A model in several files: `model-00001-of-00002.safetensors`, ..., and `model.safetensors.index.json`, which says what
 * is where: `{ metadata: { total_size }, weight_map: { <tensor>: <file> } }`, as transformers writes it.
 */
import { join } from "node:path";
import {
  type DurableFs,
  exists,
  nodeFs,
  readFully,
  StorageError,
  toStorageError,
  type WrittenFile,
  writeFileDurably,
} from "@codex/storage";
import { SafetensorsError } from "./errors.ts";
import { type OpenSafetensorsOptions, openSafetensors, type TensorReader } from "./file.ts";
import type { TensorInfo } from "./header.ts";
import { checkedByteLength, type TensorData, type WriteSafetensorsOptions, writeSafetensors } from "./write.ts";

export interface WriteModelTensorsOptions extends WriteSafetensorsOptions {
  /** A file takes tensors up to so many bytes (one that is larger gets a file of its own). Default: no limit, one file. */
  maxShardBytes?: number;
  /** Default: "model". */
  baseName?: string;
}

export interface WrittenModelFile extends WrittenFile {
  /** Name in the directory. */
  readonly name: string;
}

/**
 * Writes a model into a directory: `<baseName>.safetensors`, or shards and their index when it is larger than
 * `maxShardBytes`. Each file is durable; to have all of them or none, write into the staging of `commitDirectory`.
 *
 * @throws as `writeSafetensors`
 */
export async function writeModelTensors(
  directory: string,
  tensors: ReadonlyMap<string, TensorData>,
  { maxShardBytes = Number.POSITIVE_INFINITY, baseName = "model", ...options }: WriteModelTensorsOptions = {},
): Promise<WrittenModelFile[]> {
  const shards: Map<string, TensorData>[] = [];
  let totalBytes = 0;
  let shardBytes = Number.POSITIVE_INFINITY; // of the last one; the first tensor opens the first
  for (const [name, tensor] of tensors) {
    const bytes = checkedByteLength(name, tensor, directory);
    totalBytes += bytes;
    if (shards.length === 0 || shardBytes + bytes > maxShardBytes) {
      shards.push(new Map());
      shardBytes = 0;
    }
    shards.at(-1)?.set(name, tensor);
    shardBytes += bytes;
  }
  if (shards.length <= 1) {
    const name = `${baseName}.safetensors`;
    return [{ name, ...(await writeSafetensors(join(directory, name), tensors, options)) }];
  }
  const written: WrittenModelFile[] = [];
  const weightMap: [string, string][] = [];
  const five = (value: number) => String(value).padStart(5, "0");
  for (const [i, shard] of shards.entries()) {
    const name = `${baseName}-${five(i + 1)}-of-${five(shards.length)}.safetensors`;
    written.push({ name, ...(await writeSafetensors(join(directory, name), shard, options)) });
    for (const tensor of shard.keys()) weightMap.push([tensor, name]);
  }
  const index = {
    metadata: { total_size: totalBytes },
    weight_map: Object.fromEntries(weightMap.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  const name = `${baseName}.safetensors.index.json`;
  const { fs } = options;
  written.push({
    name,
    ...(await writeFileDurably(join(directory, name), `${JSON.stringify(index, null, 2)}\n`, fs ? { fs } : {})),
  });
  return written;
}

export interface OpenModelTensorsOptions extends OpenSafetensorsOptions {
  /** Default: "model". */
  baseName?: string;
}

/**
 * Opens `<baseName>.safetensors` of a directory or, when there is none, the shards of `<baseName>.safetensors.index.json`.
 * Tensors of a shard that the index does not name are left out, as transformers does. The caller closes it.
 *
 * @throws {SafetensorsError} `SAFETENSORS_INDEX_INVALID`, and those of `openSafetensors`
 * @throws {StorageError} `STORAGE_NOT_FOUND` when there is neither
 */
export async function openModelTensors(
  directory: string,
  options: OpenModelTensorsOptions = {},
): Promise<TensorReader> {
  const { baseName = "model", fs = nodeFs } = options;
  const single = join(directory, `${baseName}.safetensors`);
  if (await exists(single, fs)) return openSafetensors(single, options);
  const indexPath = `${single}.index.json`;
  if (!(await exists(indexPath, fs))) {
    throw new StorageError(
      "STORAGE_NOT_FOUND",
      `${directory}: expected ${baseName}.safetensors or ${baseName}.safetensors.index.json, found neither`,
    );
  }
  const { metadata, weightMap } = parseIndex(await readIndex(indexPath, fs), indexPath);
  const shards = new Map<string, TensorReader>();
  try {
    const owners = new Map<string, TensorReader>();
    const tensors = new Map<string, TensorInfo>();
    for (const [name, file] of weightMap) {
      const shard = shards.get(file) ?? (await openSafetensors(join(directory, file), options));
      shards.set(file, shard);
      const info = shard.tensors.get(name);
      if (!info)
        throw invalidIndex(
          indexPath,
          `tensor ${JSON.stringify(name)}: expected in ${file}, which has none of that name`,
        );
      owners.set(name, shard);
      tensors.set(name, info);
    }
    return new ShardedTensors(indexPath, tensors, metadata, owners, [...shards.values()]);
  } catch (error) {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
    throw error;
  }
}

class ShardedTensors implements TensorReader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #path: string;
  readonly #owners: ReadonlyMap<string, TensorReader>;
  readonly #shards: readonly TensorReader[];

  constructor(
    path: string,
    tensors: ReadonlyMap<string, TensorInfo>,
    metadata: ReadonlyMap<string, string>,
    owners: ReadonlyMap<string, TensorReader>,
    shards: readonly TensorReader[],
  ) {
    this.#path = path;
    this.tensors = tensors;
    this.metadata = metadata;
    this.#owners = owners;
    this.#shards = shards;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#owner(name).read(name);
  }

  async readFloat32(name: string): Promise<Float32Array<ArrayBuffer>> {
    return this.#owner(name).readFloat32(name);
  }

  async *float32Pieces(name: string): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
    yield* this.#owner(name).float32Pieces(name);
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #owner(name: string): TensorReader {
    const owner = this.#owners.get(name);
    if (owner) return owner;
    throw new SafetensorsError(
      "SAFETENSORS_TENSOR_MISSING",
      `${this.#path}: expected tensor ${JSON.stringify(name)}, it names none`,
    );
  }
}

const MAX_INDEX_BYTES = 100_000_000; // as the header's

async function readIndex(path: string, fs: DurableFs): Promise<Uint8Array> {
  try {
    const file = await fs.open(path, "r");
    try {
      const size = await file.size();
      if (size > MAX_INDEX_BYTES) {
        throw new SafetensorsError(
          "SAFETENSORS_LIMIT_EXCEEDED",
          `${path}: expected at most ${MAX_INDEX_BYTES} bytes, found ${size}`,
        );
      }
      const bytes = new Uint8Array(size);
      return bytes.subarray(0, await readFully(file, bytes, 0));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw toStorageError(error, "read", path);
  }
}

function parseIndex(
  bytes: Uint8Array,
  path: string,
): { metadata: Map<string, string>; weightMap: Map<string, string> } {
  let index: unknown;
  try {
    index = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidIndex(path, "expected JSON", cause);
  }
  if (!isRecord(index) || !isRecord(index["weight_map"]))
    throw invalidIndex(path, "expected an object with a weight_map");
  const weightMap = new Map<string, string>();
  for (const [name, file] of Object.entries(index["weight_map"])) {
    // A file name, not a path: an index must not reach out of its directory.
    if (typeof file !== "string" || !/^[^/\\\0]+\.safetensors$/.test(file)) {
      throw invalidIndex(
        path,
        `weight_map: tensor ${JSON.stringify(name)}: expected a file name *.safetensors, found ${JSON.stringify(file)}`,
      );
    }
    weightMap.set(name, file);
  }
  if (weightMap.size === 0) throw invalidIndex(path, "weight_map is empty");
  const metadata = isRecord(index["metadata"]) ? Object.entries(index["metadata"]) : [];
  return { metadata: new Map(metadata.map(([key, value]) => [key, String(value)])), weightMap };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalidIndex(path: string, message: string, cause?: unknown): SafetensorsError {
  return new SafetensorsError("SAFETENSORS_INDEX_INVALID", `${path}: ${message}`, cause === undefined ? {} : { cause });
}
