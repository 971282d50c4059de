/**
 * The file of word counts, version 1. The same counts give the same bytes.
 *
 *   8 bytes    "CDXWORDS"
 *   4          version, u32
 *   4          length of the header, u32
 *   header     JSON: what was counted, and how texts were cut into words (`WordCountHeader`)
 *   words      in ascending order of their bytes, each once:
 *                length in bytes, at least 1   LEB128
 *                the word                      UTF-8 (a surrogate that stands alone: as in WTF-8)
 *                its count, at least 1         LEB128
 *   1          0, where the length of a word would stand
 *   8          number of words, u64
 *   8          sum of the counts, u64
 *   32         SHA-256 of all bytes before it
 *
 * Numbers are little-endian; lengths and counts are at most 2^53 - 1.
 */
import { createHash } from "node:crypto";
import { TokenizerError } from "../errors.ts";
import type { WordCountHeader } from "./word-counts.ts";
import type { WordCursor } from "./word-cursor.ts";

export const MAGIC = Buffer.from("CDXWORDS", "latin1");
export const VERSION = 1;
/** Of the header; a longer one is not read. */
export const MAX_HEADER_BYTES = 16 << 20;
export const TRAILER_BYTES = 8 + 8 + 32;
/** Of a number in LEB128 below 2^56. */
export const MAX_VARINT_BYTES = 8;

/** Takes bytes, which are only valid until it resolves. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>;

/**
 * Writes counts; `words` is walked to its end and closed.
 * @param blockBytes - of memory; about as much is given to `sink` at a time
 */
export async function writeWordCounts(
  sink: ByteSink,
  header: WordCountHeader,
  words: WordCursor,
  { blockBytes = 1 << 16, signal }: { blockBytes?: number; signal?: AbortSignal | undefined } = {},
): Promise<{ words: number; bytes: number }> {
  const hash = createHash("sha256");
  const block = Buffer.alloc(blockBytes);
  let used = 0;
  let written = 0;
  const put = async (bytes: Uint8Array): Promise<void> => {
    signal?.throwIfAborted();
    hash.update(bytes);
    written += bytes.length;
    await sink(bytes);
  };
  const flush = async (): Promise<void> => {
    const full = block.subarray(0, used);
    used = 0;
    await put(full);
  };
  try {
    const headerBytes = Buffer.from(JSON.stringify(header));
    const start = Buffer.alloc(MAGIC.length + 8);
    start.set(MAGIC);
    start.writeUInt32LE(VERSION, MAGIC.length);
    start.writeUInt32LE(headerBytes.length, MAGIC.length + 4);
    await put(start);
    await put(headerBytes);

    let count = 0;
    let occurrences = 0;
    while (words.next()) {
      const length = words.end - words.start;
      if (used + length + 2 * MAX_VARINT_BYTES > blockBytes) await flush();
      used = writeVarint(block, used, length);
      if (used + length + MAX_VARINT_BYTES <= blockBytes) {
        for (let from = words.start; from < words.end; ) block[used++] = words.bytes[from++]!;
      } else {
        await flush();
        await put(words.bytes.subarray(words.start, words.end));
      }
      used = writeVarint(block, used, words.count);
      count++;
      occurrences += words.count;
      if (occurrences > Number.MAX_SAFE_INTEGER) {
        throw new TokenizerError(
          "TOKENIZER_COUNT_OVERFLOW",
          `the sum of all counts: expected at most 2^53 - 1, got ${occurrences} or more`,
        );
      }
    }
    await flush();
    const end = Buffer.alloc(1 + 8 + 8);
    end.writeBigUInt64LE(BigInt(count), 1);
    end.writeBigUInt64LE(BigInt(occurrences), 9);
    await put(end);
    await sink(hash.digest());
    return { words: count, bytes: written + 32 };
  } finally {
    words.close();
  }
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[at++] = (rest % 0x80) | 0x80;
  target[at++] = rest;
  return at;
}
