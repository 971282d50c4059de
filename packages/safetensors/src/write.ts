import { type DurableFs, type FileWriter, nodeFs, type WrittenFile, writeFileDurably } from "@codex/storage";
import { byteLengthOf, DTYPE_BITS, type Dtype } from "./dtype.ts";
import { SafetensorsError } from "./errors.ts";

/** A tensor to write. */
export interface TensorData {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /**
   * The elements in row-major order, as a typed array or as little-endian bytes; or a function that fetches them, called
   * once when their turn comes, so that only one tensor at a time has to be in memory.
   */
  readonly data: ArrayBufferView | (() => ArrayBufferView | Promise<ArrayBufferView>);
}

export interface WriteSafetensorsOptions {
  fs?: DurableFs;
  /** `__metadata__`. Default: `{ format: "pt" }`, without which transformers refuses the file. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes one file, streaming and hashing; it appears under its name when it is complete and durable. Equal tensors give
 * equal bytes: the order is the reference's, larger dtypes first, then by name.
 *
 * @returns size and SHA-256 of the file
 * @throws {SafetensorsError} `SAFETENSORS_TENSOR_INVALID` when dtype, shape and bytes disagree
 * @throws {StorageError} of `@codex/storage`: `STORAGE_DISK_FULL`, ...
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  { fs = nodeFs, metadata = { format: "pt" } }: WriteSafetensorsOptions = {},
): Promise<WrittenFile> {
  const plan = planFile(tensors, metadata, path);
  return writeFileDurably(path, (writer) => writePlan(plan, writer, path), { fs });
}

const DTYPE_ORDER = Object.keys(DTYPE_BITS);

interface PlannedTensor {
  readonly name: string;
  readonly tensor: TensorData;
  readonly byteLength: number;
}

interface FilePlan {
  /** Length prefix, JSON, padding. */
  readonly header: Uint8Array;
  readonly tensors: readonly PlannedTensor[];
}

function planFile(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>>,
  path: string,
): FilePlan {
  const planned = [...tensors]
    .map(([name, tensor]) => ({ name, tensor, byteLength: checkedByteLength(name, tensor, path) }))
    .sort(
      (a, b) => DTYPE_ORDER.indexOf(b.tensor.dtype) - DTYPE_ORDER.indexOf(a.tensor.dtype) || (a.name < b.name ? -1 : 1),
    );
  // Built as text: in an object, names like "0" would move to the front and "__proto__" would vanish.
  const members = Object.keys(metadata).length === 0 ? [] : [`"__metadata__":${JSON.stringify(metadata)}`];
  let offset = 0;
  for (const { name, tensor, byteLength } of planned) {
    const info = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, offset + byteLength] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    offset += byteLength;
  }
  const json = Buffer.from(`{${members.join(",")}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8; // so that the data starts at a multiple of 8
  const header = Buffer.alloc(8 + padded, " ");
  header.writeBigUInt64LE(BigInt(padded));
  header.set(json, 8);
  return { header, tensors: planned };
}

async function writePlan(plan: FilePlan, writer: FileWriter, path: string): Promise<void> {
  await writer.write(plan.header);
  for (const { name, tensor, byteLength } of plan.tensors) {
    const data = typeof tensor.data === "function" ? await tensor.data() : tensor.data;
    if (data.byteLength !== byteLength) {
      invalid(
        path,
        name,
        `${tensor.dtype} [${tensor.shape}] takes ${byteLength} bytes, the data has ${data.byteLength}`,
      );
    }
    await writer.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

/** Bytes of a tensor, as far as can be told before its data is fetched. */
export function checkedByteLength(name: string, { dtype, shape, data }: TensorData, path: string): number {
  if (name === "__metadata__" || name === "__proto__") invalid(path, name, "this name is reserved");
  if (!Object.hasOwn(DTYPE_BITS, dtype)) invalid(path, name, `unknown dtype ${JSON.stringify(dtype)}`);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    invalid(path, name, `shape: expected non-negative integers, came [${shape}]`);
  }
  const byteLength =
    byteLengthOf(dtype, shape) ?? invalid(path, name, `${dtype} [${shape}] is not a whole number of bytes below 2^53`);
  if (typeof data !== "function" && data.byteLength !== byteLength) {
    invalid(path, name, `${dtype} [${shape}] takes ${byteLength} bytes, the data has ${data.byteLength}`);
  }
  return byteLength;
}

function invalid(path: string, name: string, message: string): never {
  throw new SafetensorsError("SAFETENSORS_TENSOR_INVALID", `${path}: tensor ${JSON.stringify(name)}: ${message}`);
}
