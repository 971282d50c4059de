/**
 * The header of a safetensors file, read as hostile input. The format: 8 bytes header length (u64, little endian), the
 * header (JSON, may end in spaces), then the data, which the offsets must cover without hole and overlap.
 * https://github.com/huggingface/safetensors#format
 *
 * The reader is strict where the reference is lenient: keys it does not know are refused, and limits on the number of
 * tensors, and on the header's size next to the data's, keep a small file from costing much.
 */
import { TextDecoder } from "node:util";
import { byteLengthOf, type Dtype, isDtype } from "./dtype.ts";
import { SafetensorsError, type SafetensorsErrorCode } from "./errors.ts";
import { type HeaderEntry, parseHeaderJson, quote } from "./header-json.ts";

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Offset in the file of the first byte. */
  readonly start: number;
  readonly byteLength: number;
}

export interface Header {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__`; empty when there is none. */
  readonly metadata: ReadonlyMap<string, string>;
}

export interface HeaderLimits {
  /** Bytes of the header. Default: 100,000,000, the reference's. */
  maxHeaderBytes?: number;
  /** Default: 50,000 (the largest published models have less than 1,000 per shard). */
  maxTensors?: number;
}

const MAX_HEADER_BYTES = 100_000_000; // MAX_HEADER_SIZE of the reference
const MAX_TENSORS = 50_000;
/** A header above this size may not be larger than the data it describes. */
const UNSUSPICIOUS_HEADER_BYTES = 1024 * 1024;

/**
 * Checks the first 8 bytes against the size of the file.
 * @returns bytes of the header
 */
export function parseHeaderLength(
  prefix: Uint8Array,
  fileSize: number,
  path: string,
  limits: HeaderLimits = {},
): number {
  const { maxHeaderBytes = MAX_HEADER_BYTES } = limits;
  if (prefix.byteLength < 8) {
    throw new SafetensorsError(
      "SAFETENSORS_SIZE_MISMATCH",
      `${path}: expected 8 bytes of header length, the file has ${fileSize} bytes`,
    );
  }
  const exact = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (exact > BigInt(fileSize - 8)) {
    throw new SafetensorsError(
      "SAFETENSORS_SIZE_MISMATCH",
      `${path}: header of ${exact} bytes does not fit in a file of ${fileSize} bytes`,
      {
        help: "The file is truncated, or not a safetensors file.",
      },
    );
  }
  const length = Number(exact);
  if (length > maxHeaderBytes) {
    throw new SafetensorsError(
      "SAFETENSORS_LIMIT_EXCEEDED",
      `${path}: header: expected at most ${maxHeaderBytes} bytes, found ${length}`,
    );
  }
  const dataBytes = fileSize - 8 - length;
  if (length > UNSUSPICIOUS_HEADER_BYTES && length > dataBytes) {
    throw new SafetensorsError(
      "SAFETENSORS_LIMIT_EXCEEDED",
      `${path}: header of ${length} bytes is larger than the ${dataBytes} bytes of data it describes`,
    );
  }
  return length;
}

/** Checks everything that the header says, also against the size of the file. */
export function parseHeader(bytes: Uint8Array, fileSize: number, path: string, limits: HeaderLimits = {}): Header {
  const { maxTensors = MAX_TENSORS } = limits;
  const fail = (message: string, code: SafetensorsErrorCode = "SAFETENSORS_HEADER_INVALID", cause?: unknown): never => {
    throw new SafetensorsError(code, `${path}: ${message}`, cause === undefined ? {} : { cause });
  };
  if (bytes[0] !== 0x7b)
    fail(`header: expected to begin with "{", found ${bytes.length === 0 ? "nothing" : `byte ${bytes[0]}`}`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    return fail("header: expected UTF-8, found other bytes", undefined, cause);
  }
  const { metadata, entries } = parseHeaderJson(text, {
    fail: (message) => fail(`header: ${message}`),
    onEntry: (count) => {
      if (count > maxTensors) fail(`expected at most ${maxTensors} tensors, found more`, "SAFETENSORS_LIMIT_EXCEEDED");
    },
  });

  const dataStart = 8 + bytes.byteLength;
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, TensorInfo>();
  let covered = 0;
  for (const [name, entry] of sorted) {
    const info = checkEntry(name, entry, dataStart, (message) => fail(`tensor ${quote(name)}: ${message}`));
    if (entry.begin !== covered) {
      const kind = entry.begin > covered ? "a hole" : "an overlap";
      fail(`tensor ${quote(name)}: data_offsets: expected to begin at ${covered}, found ${entry.begin} (${kind})`);
    }
    covered = entry.end;
    tensors.set(name, info);
  }
  if (dataStart + covered !== fileSize) {
    const kind = dataStart + covered > fileSize ? "the file is truncated" : "bytes that belong to no tensor";
    fail(
      `expected ${dataStart + covered} bytes as the header says, the file has ${fileSize} (${kind})`,
      "SAFETENSORS_SIZE_MISMATCH",
    );
  }
  return { tensors, metadata };
}

function checkEntry(name: string, entry: HeaderEntry, dataStart: number, fail: (message: string) => never): TensorInfo {
  const { dtype, shape, begin, end } = entry;
  if (name === "__proto__") fail("this name is refused, it breaks programs that keep tensors in plain objects");
  if (!isDtype(dtype)) return fail(`unknown dtype ${quote(dtype)}`);
  if (end < begin) fail(`data_offsets: expected begin <= end, found [${begin}, ${end}]`);
  const byteLength = byteLengthOf(dtype, shape);
  if (byteLength === undefined) return fail(`${dtype} [${shape}] is not a whole number of bytes below 2^53`);
  if (byteLength !== end - begin)
    fail(`${dtype} [${shape}] takes ${byteLength} bytes, data_offsets [${begin}, ${end}] say ${end - begin}`);
  return { name, dtype, shape, start: dataStart + begin, byteLength };
}
