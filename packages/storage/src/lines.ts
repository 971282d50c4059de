import { TextDecoder } from "node:util";
import type { DurableFs } from "./durable-fs.ts";
import { readFully } from "./durable-fs.ts";
import { StorageError, toStorageError } from "./errors.ts";
import { nodeFs } from "./node-fs.ts";

/** One line of a file, and where it lies. */
export interface StoredLine {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the line feed. */
  readonly end: number;
}

export interface ReadLinesOptions {
  fs?: DurableFs;
  /** A longer line is an error, not a reason to run out of memory. Default: 64 MiB. */
  maxLineBytes?: number;
}

const CHUNK_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 10;

/**
 * Lines of a UTF-8 file in order, in memory that does not grow with the file. A last line without line feed is one that
 * a writer did not finish, or has not finished yet: it is left out. The reader sees the file as long as it was at the start.
 *
 * @throws {StorageError} `STORAGE_NOT_FOUND`; `STORAGE_LINE_INVALID` for bytes that are not UTF-8 or a line too long
 */
export async function* readLines(
  path: string,
  { fs = nodeFs, maxLineBytes = MAX_LINE_BYTES }: ReadLinesOptions = {},
): AsyncGenerator<StoredLine, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const file = await fs.open(path, "r").catch((error: unknown) => {
    throw toStorageError(error, "open", path);
  });
  try {
    const size = await file.size();
    const chunk = new Uint8Array(CHUNK_BYTES);
    let pieces: Uint8Array[] = []; // the start of a line that went over the end of a chunk
    let start = 0;
    let number = 1;
    for (let position = 0; position < size; ) {
      const read = await readFully(file, chunk.subarray(0, Math.min(CHUNK_BYTES, size - position)), position);
      if (read === 0) return; // cut by its writer meanwhile
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at !== -1 && at < read; at = chunk.indexOf(LINE_FEED, from)) {
        pieces.push(chunk.subarray(from, at));
        const end = position + at + 1;
        yield { text: decode(pieces, decoder, `${path}:${number}`), number, start, end };
        pieces = [];
        start = end;
        number++;
        from = at + 1;
      }
      pieces.push(chunk.slice(from, read));
      position += read;
      if (position - start > maxLineBytes) {
        throw new StorageError(
          "STORAGE_LINE_INVALID",
          `${path}:${number}: expected at most ${maxLineBytes} bytes in a line`,
        );
      }
    }
  } catch (error) {
    throw toStorageError(error, "read", path);
  } finally {
    await file.close();
  }
}

function decode(pieces: readonly Uint8Array[], decoder: TextDecoder, where: string): string {
  try {
    return decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  } catch (cause) {
    throw new StorageError("STORAGE_LINE_INVALID", `${where}: expected UTF-8, found other bytes`, { cause });
  }
}
