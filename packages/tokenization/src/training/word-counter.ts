import { availableParallelism } from "node:os";
import { TokenizerError } from "../errors.ts";
import { nativeLibrary } from "../native/binding.ts";
import type { NativeWordCounter } from "../native/trainer-binding.ts";
import { UNICODE_TABLES } from "../unicode-classes.ts";
import { mergeCursors } from "./merge-cursor.ts";
import { SpilledRuns } from "./spill.ts";
import { WordCountReader } from "./word-count-reader.ts";
import { type PrunedWords, type WordCountHeader, WordCounts } from "./word-counts.ts";
import { listCursor, type WordCursor } from "./word-cursor.ts";
import { type WordSplitter, type WordSplitterName, wordSplitter } from "./word-splitter.ts";
import { WordTable } from "./word-table.ts";

export interface WordBudgets {
  /**
   * Memory that counting takes at most, 1 MiB or more, default 1 GiB. Counts that do not fit are kept on disk meanwhile:
   * the result is the same.
   */
  readonly memoryBudgetBytes?: number;
  /**
   * Disk that those counts take at most, four times the memory or more. Default: what there is. Past it the rarest words
   * are left out: there is a warning, and the manifest of what is trained says so.
   */
  readonly diskBudgetBytes?: number;
  /** Where the folder for counts on disk is made; it is removed at the end. Default: the system's. */
  readonly temporaryDirectory?: string;
  /** Called when words are left out. Default: a warning of the process. */
  readonly onPrune?: (pruned: PrunedWords) => void;
}

/** Those that the native library knows. */
const NATIVE_SPLITTERS: readonly WordSplitterName[] = ["gpt2", "llama3", "qwen2", "none"];
/** Of text that the native library takes at a time. */
const MAX_BATCH_BYTES = 2 ** 22;
const MIN_MEMORY_BYTES = 2 ** 20;
const DEFAULT_MEMORY_BYTES = 2 ** 30;

/** Counts words in bounded memory. The caller calls `finish`, or `dispose`. */
export class WordCounter {
  readonly #splitter: WordSplitter;
  readonly #table: WordTable;
  readonly #memoryBytes: number;
  readonly #blockBytes: number;
  readonly #runs: SpilledRuns;
  /** Cuts and counts texts, where it knows how; counts that are added go to the table. */
  readonly #native: NativeWordCounter | undefined;
  readonly #batchBytes: number;
  #pruned: PrunedWords | undefined;
  #scratch = new Uint8Array(256);

  /** @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID` */
  constructor(
    name: WordSplitterName,
    budgets: WordBudgets & { signal?: AbortSignal | undefined; threads?: number | undefined } = {},
  ) {
    const { memoryBudgetBytes = DEFAULT_MEMORY_BYTES, diskBudgetBytes, onPrune = warnOfPruning } = budgets;
    checkBudgets(memoryBudgetBytes, diskBudgetBytes);
    this.#splitter = wordSplitter(name);
    this.#memoryBytes = memoryBudgetBytes;
    this.#blockBytes = Math.min(2 ** 16, Math.floor(memoryBudgetBytes / 64));
    this.#table = new WordTable(Math.floor(memoryBudgetBytes * 0.7)); // the rest: blocks of the runs that are merged
    this.#batchBytes = Math.min(MAX_BATCH_BYTES, Math.floor(memoryBudgetBytes / 16));
    // Bringing the tables of all threads together takes as much again, and then the sorted words do.
    this.#native = nativeCounter(name, Math.floor(memoryBudgetBytes * 0.3), budgets.threads);
    this.#runs = new SpilledRuns(
      { ...splitterHeader(name), corpus: { documents: 0, bytes: 0, sha256: "" } },
      {
        temporaryDirectory: budgets.temporaryDirectory,
        blockBytes: this.#blockBytes,
        maxRunBytes: memoryBudgetBytes,
        diskBudgetBytes,
        signal: budgets.signal,
        onPrune: (pruned) => {
          onPrune(pruned);
          this.addPruned(pruned);
        },
      },
    );
  }

  /** @throws {TokenizerError} `TOKENIZER_COUNT_OVERFLOW`, `TOKENIZER_OPTIONS_INVALID` for a word larger than the memory */
  async addText(text: string, utf8: Uint8Array): Promise<void> {
    if (this.#native !== undefined) {
      if (this.#native.add(utf8) >= this.#batchBytes) await this.#runNative();
      return;
    }
    const prepared = this.#splitter.prepare(text);
    for (let at = 0; ; ) {
      at = this.#addWords(prepared, at);
      if (at === prepared.length) return;
      await this.#spill();
    }
  }

  /** Adds words that were counted before; closes `words`. */
  async addCounts(words: WordCursor): Promise<void> {
    try {
      while (words.next()) {
        while (!this.#table.add(words.bytes, words.start, words.end, words.count)) await this.#spill();
      }
    } finally {
      words.close();
    }
  }

  /** Notes that words were left out of what is counted. */
  addPruned(pruned: PrunedWords | undefined): void {
    if (pruned === undefined) return;
    const before = this.#pruned ?? { words: 0, occurrences: 0, min_frequency: 0 };
    this.#pruned = {
      words: before.words + pruned.words,
      occurrences: before.occurrences + pruned.occurrences,
      min_frequency: Math.max(before.min_frequency, pruned.min_frequency),
    };
  }

  /** @param corpus - what was counted. The result owns what is on disk. */
  async finish(corpus: WordCountHeader["corpus"]): Promise<WordCounts> {
    await this.#runNative();
    const words = this.#native?.take();
    if (!this.#runs.isEmpty && this.#table.size > 0) await this.#spill();
    if (!this.#runs.isEmpty && words !== undefined && words.counts.length > 0)
      await this.#runs.write(listCursor(words));
    const path = this.#runs.isEmpty ? undefined : await this.#runs.finish();
    const header: WordCountHeader = {
      ...splitterHeader(this.#splitter.name),
      corpus,
      ...(this.#pruned === undefined ? {} : { pruned: this.#pruned }),
    };
    return new WordCounts(header, {
      list: path === undefined && this.#table.size === 0 ? words : undefined,
      cursor: () => {
        if (path !== undefined) return new WordCountReader(path, this.#blockBytes);
        return words === undefined ? this.#table.cursor() : mergeCursors([listCursor(words), this.#table.cursor()]);
      },
      dispose: () => this.dispose(),
    });
  }

  async dispose(): Promise<void> {
    this.#table.clear();
    await this.#runs.dispose();
  }

  /** @returns where it stopped for lack of memory, or the length of the text */
  #addWords(text: string, from: number): number {
    const { pieceEnd, isGap } = this.#splitter;
    for (let start = from; start < text.length; ) {
      const end = pieceEnd(text, start);
      if (!isGap(text, start)) {
        const length = this.#encode(text, start, end);
        if (!this.#table.add(this.#scratch, 0, length, 1)) {
          if (this.#table.size === 0) this.#refuseWord();
          return start;
        }
      }
      start = end;
    }
    return text.length;
  }

  async #runNative(): Promise<void> {
    while (this.#native?.run() === false) {
      const words = this.#native.take();
      if (words.counts.length === 0) this.#refuseWord();
      await this.#runs.write(listCursor(words));
    }
  }

  async #spill(): Promise<void> {
    if (this.#table.size === 0) this.#refuseWord();
    await this.#runs.write(this.#table.cursor());
    this.#table.clear();
  }

  #refuseWord(): never {
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `memoryBudgetBytes: expected room for the longest word, got ${this.#memoryBytes}`,
      { help: "Cut texts into smaller words (preTokenizer), or allow more memory." },
    );
  }

  /** `encodeUtf8` of a part of a text, into `#scratch`. @returns its length */
  #encode(text: string, start: number, end: number): number {
    if (this.#scratch.length < 3 * (end - start)) this.#scratch = new Uint8Array(6 * (end - start));
    const bytes = this.#scratch;
    let at = 0;
    for (let i = start; i < end; i++) {
      let point = text.charCodeAt(i);
      if (point < 0x80) {
        bytes[at++] = point;
        continue;
      }
      if (point >= 0xd800 && point < 0xdc00 && i + 1 < end) {
        point = text.codePointAt(i)!;
        if (point >= 0x10000) i++;
      }
      if (point < 0x800) {
        bytes[at++] = 0xc0 | (point >> 6);
      } else {
        if (point < 0x10000) {
          bytes[at++] = 0xe0 | (point >> 12);
        } else {
          bytes[at++] = 0xf0 | (point >> 18);
          bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
        }
        bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      }
      bytes[at++] = 0x80 | (point & 0x3f);
    }
    return at;
  }
}

function nativeCounter(
  name: WordSplitterName,
  limitBytes: number,
  threads = Math.min(availableParallelism(), 8),
): NativeWordCounter | undefined {
  if (!NATIVE_SPLITTERS.includes(name)) return undefined;
  const { binding } = nativeLibrary();
  return binding && new binding.NativeWordCounter(name, limitBytes, threads);
}

function splitterHeader(name: WordSplitterName): Pick<WordCountHeader, "pre_tokenizer" | "unicode_tables"> {
  const readsTables = name !== "none" && name !== "metaspace";
  return { pre_tokenizer: name, unicode_tables: readsTables ? UNICODE_TABLES : null };
}

function checkBudgets(memory: number, disk: number | undefined): void {
  if (!Number.isSafeInteger(memory) || memory < MIN_MEMORY_BYTES) {
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `memoryBudgetBytes: expected an integer, ${MIN_MEMORY_BYTES} or more, got ${memory}`,
    );
  }
  if (disk !== undefined && (!Number.isSafeInteger(disk) || disk < 4 * memory)) {
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `diskBudgetBytes: expected an integer, four times memoryBudgetBytes (${4 * memory}) or more, got ${disk}`,
    );
  }
}

function warnOfPruning({ words, occurrences, min_frequency }: PrunedWords): void {
  process.emitWarning(
    `diskBudgetBytes is used up: ${words} words that occur less than ${min_frequency} times (${occurrences} occurrences) were left out`,
    { type: "TokenizerWarning", code: "TOKENIZER_WORDS_PRUNED" },
  );
}
