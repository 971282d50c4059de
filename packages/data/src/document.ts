/** A piece of text that belongs together: attention and duplicates are looked at per document. */
export interface Document {
  readonly text: string;
  /** Where it came from, for messages: `file`, `file:line` or `file#name`. */
  readonly origin: string;
  /**
   * The text goes on where the previous document's ended, without a boundary between: a long file comes in pieces, so
   * that memory stays small. Default false.
   */
  readonly continues?: boolean;
}

export interface InputFile {
  /** As the user would write it: relative to the directory of the source where it lies below it. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex, of the bytes on disk (of the compressed ones for a gzip file). */
  readonly sha256: string;
}

/** For whoever waits while gigabytes are read. */
export interface InputOptions {
  readonly signal?: AbortSignal;
  /** Called about once for 64 MiB that are hashed: bytes so far, and of all files. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
}

/** Text in a fixed order. What a data set of the registry is. */
export interface TextSource {
  /** Plain JSON: what decides, beside the bytes of the inputs, which documents there are. Part of the key of token caches. */
  readonly settings: object;
  /** Starts from the beginning on each call. */
  documents(): AsyncIterable<Document>;
  /** Every file that `documents` reads, in that order. The first call reads them all, later ones those that changed. */
  inputs(options?: InputOptions): Promise<InputFile[]>;
}
