import { createHash } from "node:crypto";
import type { TokenizerManifest } from "../manifest.ts";
import { encodeUtf8 } from "../utf8.ts";

const BYTES_BETWEEN_PAUSES = 1 << 20;

export interface CorpusProgress {
  readonly documents: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** If the size of the corpus is known. */
  readonly secondsLeft?: number;
}

export interface ReadCorpusOptions {
  /** Size of the corpus, if it is known. */
  readonly totalBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CorpusProgress) => void) | undefined;
}

/**
 * Reads a stream of texts once, holding one at a time, and gives its size and hash. Every megabyte it lets timers and
 * signals run, which a stream that never waits would keep from running.
 */
export async function readCorpus(
  texts: AsyncIterable<string> | Iterable<string>,
  /** `utf8` is valid until it returns. */
  onText: (text: string, utf8: Uint8Array) => void | Promise<void>,
  { totalBytes, signal, onProgress }: ReadCorpusOptions,
): Promise<Omit<TokenizerManifest["corpus"], "inputs">> {
  const hash = createHash("sha256");
  const encode = utf8Encoder();
  const length = Buffer.alloc(8);
  const startMs = performance.now();
  let documents = 0;
  let bytes = 0;
  let nextPause = BYTES_BETWEEN_PAUSES;
  const tell = (): void => {
    const bytesPerSecond = (1000 * bytes) / Math.max(performance.now() - startMs, 1);
    const left =
      totalBytes === undefined || bytes === 0 ? {} : { secondsLeft: Math.max(0, totalBytes - bytes) / bytesPerSecond };
    onProgress?.({ documents, bytes, bytesPerSecond, ...left });
  };
  for await (const text of texts) {
    const encoded = encode(text);
    length.writeBigUInt64LE(BigInt(encoded.length)); // keeps "ab", "c" apart from "a", "bc"
    hash.update(length).update(encoded);
    documents++;
    bytes += encoded.length;
    await onText(text, encoded);
    if (bytes < nextPause) continue;
    nextPause = bytes + BYTES_BETWEEN_PAUSES;
    tell();
    await pause(signal);
  }
  signal?.throwIfAborted();
  tell();
  return { documents, bytes, sha256: hash.digest("hex") };
}

/** `encodeUtf8`, many times faster for strings without half surrogate pairs, into memory that is used again. */
function utf8Encoder(): (text: string) => Uint8Array {
  const encoder = new TextEncoder();
  let buffer = new Uint8Array(1 << 16);
  return (text) => {
    if (!isWellFormed(text)) return encodeUtf8(text);
    if (buffer.length < 3 * text.length) buffer = new Uint8Array(Math.max(3 * text.length, 2 * buffer.length));
    return buffer.subarray(0, encoder.encodeInto(text, buffer).written);
  };
}

/** As the method that Node.js has and the TypeScript library for its age has not. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Lets timers and signals run. */
export async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
