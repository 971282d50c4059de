import { createHash, type Hash } from "node:crypto";
import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { type DurableFile, type DurableFs, nodeFs, toStorageError, writeFully } from "@codex/storage";
import { DataError } from "./errors.ts";
import { unreadable } from "./input-files.ts";
import type { TokenSequence, TokenSink } from "./token-sequence.ts";

/**
 * A token shard, little-endian:
 *
 *   header   "CDXTOKEN"; uint32 version 1; uint32 bytes per token, 2 (up to 65,536 ids) or 4; uint64 tokens; uint64 documents;
 *            sha256 of all bytes after the header followed by the 32 bytes of it so far
 *   blocks   of 65,536 tokens, the last one shorter: the ids, then one bit per token (lowest bit first, filled up to whole
 *            bytes), set where a document begins
 *
 * A row is read by position, so memory does not depend on the size of the file, and the pages of the file that are in use
 * are in the cache of the operating system, where several processes share them.
 */
const MAGIC = "CDXTOKEN";
const VERSION = 1;
const HEADER_BYTES = 64;
const CHECKSUM_OFFSET = 32;
const BLOCK_TOKENS = 1 << 16;

/** Bytes of a block with so many tokens. */
const blockBytes = (tokens: number, bytesPerToken: number) => tokens * bytesPerToken + Math.ceil(tokens / 8);

/** Writes a new shard from start to end. The caller calls `finish`, after which its bytes are durable, or `abort`. */
export class TokenShardWriter implements TokenSink {
  readonly #path: string;
  readonly #file: DurableFile;
  readonly #hash: Hash = createHash("sha256");
  /** A whole block; `#tokens` and `#starts` are views of its two parts. */
  readonly #block: Uint8Array;
  readonly #tokens: Uint16Array | Uint32Array;
  readonly #starts: Uint8Array;
  #inBlock = 0;
  #position = HEADER_BYTES;
  #count = 0;
  #documentCount = 0;

  private constructor(path: string, file: DurableFile, vocabSize: number) {
    this.#path = path;
    this.#file = file;
    const bytesPerToken = vocabSize <= 1 << 16 ? 2 : 4;
    this.#block = new Uint8Array(blockBytes(BLOCK_TOKENS, bytesPerToken));
    const { buffer } = this.#block;
    this.#tokens =
      bytesPerToken === 2 ? new Uint16Array(buffer, 0, BLOCK_TOKENS) : new Uint32Array(buffer, 0, BLOCK_TOKENS);
    this.#starts = this.#block.subarray(BLOCK_TOKENS * bytesPerToken);
  }

  /** @throws {StorageError} `STORAGE_EXISTS`, `STORAGE_DISK_FULL`, ... */
  static async create(path: string, vocabSize: number, fs: DurableFs = nodeFs): Promise<TokenShardWriter> {
    try {
      return new TokenShardWriter(path, await fs.open(path, "wx"), vocabSize);
    } catch (error) {
      throw toStorageError(error, "create", path);
    }
  }

  async append(ids: ArrayLike<number>, startsDocument: boolean): Promise<void> {
    if (startsDocument) {
      this.#starts[this.#inBlock >>> 3]! |= 1 << (this.#inBlock & 7);
      this.#documentCount++;
    }
    const tokens = this.#tokens;
    for (let i = 0; i < ids.length; ) {
      const end = Math.min(ids.length, i + BLOCK_TOKENS - this.#inBlock);
      let at = this.#inBlock;
      while (i < end) tokens[at++] = ids[i++]!;
      this.#inBlock = at;
      if (at === BLOCK_TOKENS) await this.#flush();
    }
  }

  async finish(): Promise<void> {
    if (this.#inBlock > 0) await this.#flush();
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, 0, "latin1");
    header.writeUInt32LE(VERSION, 8);
    header.writeUInt32LE(this.#tokens.BYTES_PER_ELEMENT, 12);
    header.writeBigUInt64LE(BigInt(this.#count), 16);
    header.writeBigUInt64LE(BigInt(this.#documentCount), 24);
    this.#hash.update(header.subarray(0, CHECKSUM_OFFSET)).digest().copy(header, CHECKSUM_OFFSET);
    await this.#write(header, 0);
    try {
      await this.#file.fsync();
    } catch (error) {
      throw toStorageError(error, "sync", this.#path);
    }
    await this.#file.close();
  }

  /** Closes after a failure; the caller deletes the file. */
  async abort(): Promise<void> {
    await this.#file.close().catch(() => {}); // the failure that led here is on its way to the user
  }

  async #flush(): Promise<void> {
    // A short block: the bits follow its last token.
    const bitsOffset = this.#inBlock * this.#tokens.BYTES_PER_ELEMENT;
    this.#block.copyWithin(bitsOffset, this.#starts.byteOffset, this.#block.length);
    const bytes = this.#block.subarray(0, blockBytes(this.#inBlock, this.#tokens.BYTES_PER_ELEMENT));
    this.#hash.update(bytes);
    await this.#write(bytes, this.#position);
    this.#position += bytes.length;
    this.#count += this.#inBlock;
    this.#inBlock = 0;
    this.#starts.fill(0);
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await writeFully(this.#file, bytes, position);
    } catch (error) {
      throw toStorageError(error, "write", this.#path);
    }
  }
}

/** The tokens of a shard file. The owner calls `close`. */
export class TokenShard implements TokenSequence {
  readonly path: string;
  readonly length: number;
  readonly documentCount: number;
  readonly bytesPerToken: 2 | 4;
  /** Lower-case hex, as the header has it: see `verify`. */
  readonly sha256: string;
  readonly tokenByteLength: TokenSequence["tokenByteLength"];
  readonly #descriptor: number;
  #scratch = new Uint8Array(0);

  /**
   * Opens a shard and checks header and size, not the contents.
   * @throws {DataError} `DATA_SHARD_INVALID`, `DATA_FILE_NOT_FOUND`
   */
  constructor(path: string, options: { tokenByteLength?: TokenSequence["tokenByteLength"] } = {}) {
    this.path = path;
    this.tokenByteLength = options.tokenByteLength;
    try {
      this.#descriptor = openSync(path, "r");
    } catch (error) {
      throw unreadable(path, error);
    }
    try {
      const header = readHeader(this.#descriptor, path);
      this.length = header.length;
      this.documentCount = header.documentCount;
      this.bytesPerToken = header.bytesPerToken;
      this.sha256 = header.sha256;
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  read(position: number, tokens: Int32Array, starts?: Uint8Array): void {
    for (let done = 0; done < tokens.length; ) {
      const at = position + done;
      const inBlock = at % BLOCK_TOKENS;
      const count = Math.min(tokens.length - done, BLOCK_TOKENS - inBlock);
      const blockStart = HEADER_BYTES + ((at - inBlock) / BLOCK_TOKENS) * blockBytes(BLOCK_TOKENS, this.bytesPerToken);
      const bytes = this.#readBytes(blockStart + inBlock * this.bytesPerToken, count * this.bytesPerToken);
      const { buffer } = bytes;
      tokens.set(
        this.bytesPerToken === 2 ? new Uint16Array(buffer, 0, count) : new Uint32Array(buffer, 0, count),
        done,
      );
      if (starts !== undefined) {
        const blockTokens = Math.min(BLOCK_TOKENS, this.length - at + inBlock);
        const firstByte = inBlock >>> 3;
        const bitsStart = blockStart + blockTokens * this.bytesPerToken + firstByte;
        const bits = this.#readBytes(bitsStart, ((inBlock + count - 1) >>> 3) - firstByte + 1);
        for (let i = 0; i < count; i++) {
          const bit = inBlock + i;
          starts[done + i] = (bits[(bit >>> 3) - firstByte]! >>> (bit & 7)) & 1;
        }
      }
      done += count;
    }
  }

  /** Reads the whole file and compares its checksum. @throws {DataError} `DATA_SHARD_INVALID` */
  async verify(signal?: AbortSignal): Promise<void> {
    const header = this.#readBytes(0, CHECKSUM_OFFSET).slice();
    const hash = createHash("sha256");
    const contents = createReadStream(this.path, {
      fd: this.#descriptor,
      autoClose: false,
      start: HEADER_BYTES,
      highWaterMark: 1 << 20,
    });
    for await (const chunk of contents) {
      signal?.throwIfAborted();
      hash.update(chunk as Buffer);
    }
    const sha256 = hash.update(header).digest("hex");
    if (sha256 === this.sha256) return;
    throw invalid(this.path, `the sha256 in its header is ${this.sha256}, that of its contents ${sha256}`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** A view of memory that the next call overwrites. Starts at offset 0 of its buffer. */
  #readBytes(position: number, length: number): Uint8Array {
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    const bytes = this.#scratch.subarray(0, length);
    if (readFully(this.#descriptor, bytes, position) < length) throw invalid(this.path, "it was cut off while in use");
    return bytes;
  }
}

function readHeader(descriptor: number, path: string) {
  const header = Buffer.alloc(HEADER_BYTES);
  const read = readFully(descriptor, header, 0);
  if (read < HEADER_BYTES) throw invalid(path, `expected a header of ${HEADER_BYTES} bytes, the file has ${read}`);
  if (header.toString("latin1", 0, 8) !== MAGIC) throw invalid(path, `expected it to begin with ${MAGIC}`);
  const version = header.readUInt32LE(8);
  if (version !== VERSION) throw invalid(path, `expected version ${VERSION}, got ${version}`);
  const bytesPerToken = header.readUInt32LE(12);
  if (bytesPerToken !== 2 && bytesPerToken !== 4)
    throw invalid(path, `expected 2 or 4 bytes per token, got ${bytesPerToken}`);
  const length = Number(header.readBigUInt64LE(16));
  const documentCount = Number(header.readBigUInt64LE(24));
  const size = fstatSync(descriptor).size;
  const wholeBlocks = Math.floor(length / BLOCK_TOKENS);
  const expected =
    HEADER_BYTES +
    wholeBlocks * blockBytes(BLOCK_TOKENS, bytesPerToken) +
    blockBytes(length % BLOCK_TOKENS, bytesPerToken);
  if (size !== expected) throw invalid(path, `expected ${expected} bytes for ${length} tokens, the file has ${size}`);
  return { length, documentCount, bytesPerToken, sha256: header.toString("hex", CHECKSUM_OFFSET) } as const;
}

function readFully(descriptor: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const read = readSync(descriptor, target, done, target.length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

function invalid(path: string, problem: string): DataError {
  return new DataError("DATA_SHARD_INVALID", `${path}: not a whole token shard: ${problem}`, {
    help: "Delete the folder that it is in: it is made again from the text.",
  });
}
