import { writeFileDurably } from "@codex/storage";
import { TokenizerError } from "../errors.ts";
import { asObject, asString, invalid, isObject, type JsonObject } from "../json-reader.ts";
import { UNICODE_TABLES } from "../unicode-classes.ts";
import { decodeUtf8 } from "../utf8.ts";
import type { WordList } from "./load-words.ts";
import { isWellFormed } from "./well-formed.ts";
import { writeWordCounts } from "./word-count-file.ts";
import { WordCountReader } from "./word-count-reader.ts";
import type { WordCursor } from "./word-cursor.ts";
import { WORD_SPLITTER_NAMES, type WordSplitterName } from "./word-splitter.ts";

/** What was left out of counts because the disk budget was used up. */
export interface PrunedWords {
  readonly words: number;
  readonly occurrences: number;
  /** Words that had been met less often than this were left out. */
  readonly min_frequency: number;
}

/** What counts are of, as it stands in their file. */
export interface WordCountHeader {
  readonly pre_tokenizer: WordSplitterName;
  readonly unicode_tables: string | null;
  readonly corpus: {
    readonly documents: number;
    /** Of UTF-8. */
    readonly bytes: number;
    /** Of the documents as in `TokenizerManifest`; of merged counts: of the sorted hashes of the parts, a line each. */
    readonly sha256: string;
  };
  readonly pruned?: PrunedWords;
}

interface WordStore {
  cursor(): WordCursor;
  /** The words as a list, where there is one. */
  readonly list?: WordList | undefined;
  dispose(): Promise<void>;
}

/**
 * How often each word of a corpus occurs: what every trainer starts from. Made by `countWords`, `mergeWordCounts` or
 * `openWordCounts`; the owner calls `dispose`, which removes what is on disk for it (never a file that was opened).
 */
export class WordCounts {
  readonly header: WordCountHeader;
  readonly #store: WordStore;
  #disposed = false;

  constructor(header: WordCountHeader, store: WordStore) {
    this.header = header;
    this.#store = store;
  }

  /** The words in ascending order of their bytes. */
  *entries(): Generator<readonly [word: string, count: number], void, undefined> {
    const words = this.cursor();
    try {
      while (words.next()) yield [decodeUtf8(words.bytes.subarray(words.start, words.end)), words.count];
    } finally {
      words.close();
    }
  }

  /** The words as a list, if they lie in memory as one. */
  get list(): WordList | undefined {
    return this.#disposed ? undefined : this.#store.list;
  }

  /** As `entries`, without an object for each word. The caller closes it. */
  cursor(): WordCursor {
    if (this.#disposed) throw new TypeError("WordCounts: used after dispose");
    return this.#store.cursor();
  }

  /**
   * Writes the file that `openWordCounts` reads. The same counts give the same bytes.
   * @throws {StorageError} if it cannot be written; what was there before then still is
   */
  async save(path: string): Promise<{ words: number; bytes: number }> {
    let result = { words: 0, bytes: 0 };
    await writeFileDurably(path, async (writer) => {
      result = await writeWordCounts((bytes) => writer.write(bytes), this.header, this.cursor());
    });
    return result;
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#store.dispose();
  }
}

/**
 * Opens a file that `WordCounts.save` wrote, and reads it once to the end to check it.
 * @throws {TokenizerError} `TOKENIZER_FILE_MISSING`; `TOKENIZER_FILE_INVALID` for a file that is damaged or no such file;
 * `TOKENIZER_UNSUPPORTED` for words cut by other Unicode tables
 */
export async function openWordCounts(path: string): Promise<WordCounts> {
  const reader = new WordCountReader(path);
  try {
    const header = readHeader(reader.header, path);
    while (reader.next()) {
      if (!isWellFormed(reader.bytes, reader.start, reader.end)) {
        invalid(path, "words in UTF-8", decodeUtf8(reader.bytes.subarray(reader.start, reader.end)));
      }
    }
    return new WordCounts(header, { cursor: () => new WordCountReader(path), dispose: async () => {} });
  } finally {
    reader.close();
  }
}

function readHeader(value: unknown, path: string): WordCountHeader {
  const where = `${path}: header`;
  const header = asObject(value, where);
  const name = asString(header.pre_tokenizer, `${where}.pre_tokenizer`) as WordSplitterName;
  if (!WORD_SPLITTER_NAMES.includes(name)) {
    invalid(`${where}.pre_tokenizer`, `one of ${WORD_SPLITTER_NAMES.join(", ")}`, name);
  }
  const tables = header.unicode_tables ?? null;
  if (tables !== null && tables !== UNICODE_TABLES) {
    throw new TokenizerError(
      "TOKENIZER_UNSUPPORTED",
      `${where}.unicode_tables: expected ${JSON.stringify(UNICODE_TABLES)}, got ${JSON.stringify(tables)}`,
      { help: "Other tables cut words elsewhere. Count the corpus again." },
    );
  }
  const corpus = asObject(header.corpus, `${where}.corpus`);
  const pruned = header.pruned;
  if (pruned !== undefined && !isObject(pruned)) invalid(`${where}.pruned`, "an object", pruned);
  return {
    pre_tokenizer: name,
    unicode_tables: tables,
    corpus: {
      documents: asCount(corpus, "documents", `${where}.corpus`),
      bytes: asCount(corpus, "bytes", `${where}.corpus`),
      sha256: asString(corpus.sha256, `${where}.corpus.sha256`),
    },
    ...(pruned === undefined
      ? {}
      : {
          pruned: {
            words: asCount(pruned, "words", `${where}.pruned`),
            occurrences: asCount(pruned, "occurrences", `${where}.pruned`),
            min_frequency: asCount(pruned, "min_frequency", `${where}.pruned`),
          },
        }),
  };
}

function asCount(object: JsonObject, field: string, where: string): number {
  const value = object[field];
  const ok = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return ok ? value : invalid(`${where}.${field}`, "an integer from 0 to 2^53 - 1", value);
}
