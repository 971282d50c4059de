/**
 * The file of an offline run of Weights & Biases, `run-<id>.wandb`: seven bytes of header, then protobuf `Record`s in LevelDB's log format
 * (https://github.com/google/leveldb/blob/main/doc/log_format.md, with plain CRC-32).
 */
import { readFile } from "node:fs/promises";
import { type DurableFs, errnoOf, toStorageError } from "@codex/storage";
import { crc32 } from "../wire/crc32.ts";
import { ProtoMessage } from "../wire/proto-message.ts";
import { RecordFile } from "../wire/record-file.ts";

/** Field of `Record` that holds a record of the kind. */
export const RECORD = {
  history: 2,
  summary: 3,
  config: 5,
  files: 6,
  stats: 7,
  metric: 12,
  run: 17,
  exit: 18,
  header: 21,
} as const;

const IDENT = Buffer.from([...Buffer.from(":W&B"), 0xe1, 0xbe, 0x00]); // magic 0xBEE1, version 0
const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4] as const;

/** One writer. What is added is in memory until `flush`. The owner closes it. */
export class WandbLog {
  readonly #file: RecordFile;
  #records: number;
  /** Rows of history in the file: each has a number of its own. */
  #rows: number;
  /** Where an end of the run stands that is to be cut when the run goes on. */
  #exitAt: number | undefined;
  #pending: { readonly isRow: boolean; readonly write: (record: ProtoMessage, row: number) => void }[] = [];
  readonly isNew: boolean;

  private constructor(file: RecordFile, { records, rows, exitAt }: Omit<Scanned, "end">) {
    this.#file = file;
    this.#records = records;
    this.#rows = rows;
    this.#exitAt = exitAt;
    this.isNew = records === 0;
  }

  /**
   * Makes the file, or goes on with it behind the last whole record; what comes then replaces the end of the run, if it had one.
   * @throws {StorageError} `STORAGE_DISK_FULL`, ...
   */
  static async open(path: string, fs: DurableFs): Promise<WandbLog> {
    const bytes = await readFile(path).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw toStorageError(error, "read", path);
      return undefined;
    });
    if (bytes === undefined || bytes.byteLength < IDENT.byteLength) {
      const file = bytes === undefined ? await RecordFile.create(path, fs) : await RecordFile.open(path, 0, fs);
      await file.append(IDENT);
      return new WandbLog(file, { records: 0, rows: 0, exitAt: undefined });
    }
    const scanned = scan(bytes);
    return new WandbLog(await RecordFile.open(path, scanned.end, fs), scanned);
  }

  /** Adds a record of a kind. */
  add(kind: Exclude<keyof typeof RECORD, "history">, write: (message: ProtoMessage) => void): void {
    this.#pending.push({ isRow: false, write: (record) => record.message(RECORD[kind], write) });
  }

  /** Adds a row of history, which gets the next number. @param write - is given that number */
  addRow(write: (message: ProtoMessage, row: number) => void): void {
    this.#pending.push({
      isRow: true,
      write: (record, row) => record.message(RECORD.history, (message) => write(message, row)),
    });
  }

  /** Resolves when everything that was added is in the file. After a failure nothing of it is, and it has to be added again. */
  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return;
    if (this.#exitAt !== undefined) await this.#file.cut(this.#exitAt);
    this.#exitAt = undefined;
    const pieces: Buffer[] = [];
    let [size, rows] = [this.#file.size, this.#rows];
    pending.forEach(({ isRow, write }, index) => {
      const record = new ProtoMessage().varint(1, this.#records + index + 1);
      write(record, rows);
      if (isRow) rows += 1;
      for (const piece of fragments(record.finish(), size)) {
        pieces.push(piece);
        size += piece.byteLength;
      }
    });
    await this.#file.append(Buffer.concat(pieces));
    this.#records += pending.length;
    this.#rows = rows;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** A record cut where blocks end. @param size - of the file before it */
function fragments(data: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  let [at, position] = [0, size];
  let first = true;
  for (;;) {
    const left = BLOCK_BYTES - (position % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      pieces.push(Buffer.alloc(left));
      position += left;
      continue;
    }
    const length = Math.min(data.byteLength - at, left - HEADER_BYTES);
    const last = at + length === data.byteLength;
    const type = first ? (last ? FULL : FIRST) : last ? LAST : MIDDLE;
    const piece = Buffer.allocUnsafe(HEADER_BYTES + length);
    piece.writeUInt16LE(length, 4);
    piece[6] = type;
    data.copy(piece, HEADER_BYTES, at, at + length);
    piece.writeUInt32LE(crc32(piece.subarray(6)), 0);
    pieces.push(piece);
    position += piece.byteLength;
    at += length;
    first = false;
    if (last) return pieces;
  }
}

interface Scanned {
  /** Behind the last whole record. */
  readonly end: number;
  /** Without the end of the run. */
  readonly records: number;
  readonly rows: number;
  readonly exitAt: number | undefined;
}

/** What a killed writer left. */
function scan(bytes: Buffer): Scanned {
  let found: Scanned = { end: IDENT.byteLength, records: 0, rows: 0, exitAt: undefined };
  let kind = 0;
  for (let at = IDENT.byteLength; at + HEADER_BYTES <= bytes.byteLength; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const end = at + HEADER_BYTES + bytes.readUInt16LE(at + 4);
    const type = bytes[at + 6] as number;
    if (end > bytes.byteLength || crc32(bytes.subarray(at + 6, end)) !== bytes.readUInt32LE(at)) break;
    if (type === FULL || type === FIRST) kind = kindOf(bytes.subarray(at + HEADER_BYTES, end));
    at = end;
    if (type === FIRST || type === MIDDLE) continue;
    if (kind === RECORD.exit) return { ...found, end, exitAt: found.end };
    const rows = found.rows + (kind === RECORD.history ? 1 : 0);
    found = { end, records: found.records + 1, rows, exitAt: undefined };
  }
  return found;
}

/** The second field of a record, behind its number. */
function kindOf(record: Buffer): number {
  let at = 1; // the tag of the number
  while ((record[at] ?? 0) >= 0x80) at += 1;
  let tag = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = record[++at] ?? 0;
    tag |= (byte & 0x7f) << shift;
    if (byte < 0x80) return tag >>> 3;
  }
}
