import { Buffer, isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "./errors.ts";
import { type FoundFile, unreadable } from "./input-files.ts";

/** Bytes read at a time: large enough for the disk, small enough to be nothing. */
const CHUNK_BYTES = 1 << 18;

/**
 * The text of a file in chunks, checked: UTF-8 only, an optional byte order mark dropped. A file that begins with the
 * gzip mark is unpacked, whatever its name. No chunk ends inside a character.
 *
 * @throws {DataError} `DATA_UTF8_INVALID` and `DATA_BINARY_FILE` with the byte offset (in the unpacked text),
 * `DATA_GZIP_INVALID`, `DATA_FILE_NOT_FOUND`
 */
export async function* readText(file: FoundFile): AsyncGenerator<string> {
  const gzip = await isGzip(file);
  const where = gzip ? `${file.name} (unpacked)` : file.name;
  let offset = 0; // of `bytes` in the unpacked file
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of readBytes(file, gzip)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = lastWholeCharacter(bytes);
    const whole = bytes.subarray(0, end);
    checkText(whole, offset, where);
    rest = bytes.subarray(end);
    const text = whole.toString("utf8");
    if (text !== "") yield offset === 0 && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    offset += end;
  }
  checkText(rest, offset, where);
}

async function isGzip(file: FoundFile): Promise<boolean> {
  try {
    const handle = await open(file.path, "r");
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b; // RFC 1952, 2.3.1
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(file.name, error);
  }
}

async function* readBytes(file: FoundFile, gzip: boolean): AsyncGenerator<Buffer> {
  const raw = createReadStream(file.path, { highWaterMark: CHUNK_BYTES });
  // The callback has nothing to do: an error of either stream ends the loop below, which throws it.
  const bytes = gzip ? pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) : raw;
  try {
    for await (const chunk of bytes) yield chunk as Buffer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_")) throw unreadable(file.name, error);
    throw new DataError(
      "DATA_GZIP_INVALID",
      code === "Z_BUF_ERROR"
        ? `${file.name}: the gzip file is cut off: expected more data after its ${raw.bytesRead} bytes`
        : `${file.name}: the gzip file is damaged (${(error as Error).message})`,
      { cause: error, help: "Fetch or make the file again; `gzip -t FILE` tells whether it is whole." },
    );
  }
}

/** The end of the last character that is not cut off. Looks at three bytes: a character has at most four. */
function lastWholeCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < length ? bytes.length - back : bytes.length;
    }
    if (byte < 0x80) break;
  }
  return bytes.length;
}

function checkText(bytes: Buffer, offset: number, where: string): void {
  const utf16 = offset === 0 && bytes.length >= 2 && /^(fffe|feff)/.test(bytes.toString("hex", 0, 2));
  const nul = bytes.indexOf(0);
  if (utf16 || nul >= 0) {
    throw new DataError(
      "DATA_BINARY_FILE",
      utf16
        ? `${where}: expected UTF-8, but the first two bytes are the mark of UTF-16`
        : `${where}: expected text, but byte ${offset + nul} is 0: this is a binary file`,
      {
        help: utf16
          ? "Convert it: `iconv -f UTF-16 -t UTF-8 FILE`."
          : "Leave the file out of the path, or use a narrower pattern.",
      },
    );
  }
  if (isUtf8(bytes)) return;
  const at = firstInvalidByte(bytes);
  const byte = bytes[at]!.toString(16).padStart(2, "0");
  throw new DataError("DATA_UTF8_INVALID", `${where}: byte ${offset + at} (0x${byte}) is not valid UTF-8`, {
    help: "Convert it, for instance from Latin-1: `iconv -f WINDOWS-1252 -t UTF-8 FILE`.",
  });
}

/** Offset of the first character that is not UTF-8 (the table of RFC 3629, section 4). */
function firstInvalidByte(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (!isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}
