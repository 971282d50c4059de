import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDirectory, nodeFs, removeTree, temporaryPath, toStorageError, writeFully } from "@codex/storage";
import { TokenizerError } from "../errors.ts";
import { mergeCursors, pruneCursor } from "./merge-cursor.ts";
import { writeWordCounts } from "./word-count-file.ts";
import { WordCountReader } from "./word-count-reader.ts";
import type { WordCountHeader } from "./word-counts.ts";
import type { WordCursor } from "./word-cursor.ts";

/** So many files are open at a time, with a block of each in memory. */
const MAX_RUNS = 16;
const COUNTED_FREQUENCIES = 1 << 16;

export interface SpillOptions {
  /** A new folder is made in it. Default: that of the system. */
  readonly temporaryDirectory?: string | undefined;
  readonly blockBytes: number;
  /** Bytes of the largest run. */
  readonly maxRunBytes: number;
  readonly diskBudgetBytes?: number | undefined;
  readonly onPrune: (pruned: { words: number; occurrences: number; min_frequency: number }) => void;
  readonly signal?: AbortSignal | undefined;
}

interface Run {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Sorted runs of words in a temporary folder, merged as they become many. With a budget of disk, of which a merge in
 * progress takes its share, rare words are left out once the merged runs do not fit either.
 */
export class SpilledRuns {
  readonly #options: SpillOptions;
  readonly #header: WordCountHeader;
  #folder: string | undefined;
  #runs: Run[] = [];
  #created = 0;

  constructor(header: WordCountHeader, options: SpillOptions) {
    this.#header = header;
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** @throws {StorageError} when the disk is full, and so on */
  async write(words: WordCursor): Promise<void> {
    this.#runs.push(await this.#writeRun(words));
    const { diskBudgetBytes = Number.POSITIVE_INFINITY, maxRunBytes } = this.#options;
    const bytes = this.#runs.reduce((sum, run) => sum + run.bytes, 0);
    // Of what there is now and another run, a merge writes as much again at most.
    const limit = diskBudgetBytes / 2 - maxRunBytes;
    if (bytes > limit) await this.#merge(await this.#minFrequency(limit / 2));
    else if (this.#runs.length === MAX_RUNS) await this.#merge(1);
  }

  /** Merges what is left. @returns the path of the one file, which is there until `dispose` */
  async finish(): Promise<string> {
    if (this.#runs.length > 1) await this.#merge(1);
    return this.#runs[0]!.path;
  }

  /** Removes the folder. */
  async dispose(): Promise<void> {
    const folder = this.#folder;
    this.#folder = undefined;
    if (folder !== undefined) await removeTree(folder, nodeFs);
  }

  #open(): WordCursor {
    const readers: WordCountReader[] = [];
    try {
      for (const run of this.#runs) readers.push(new WordCountReader(run.path, this.#options.blockBytes));
    } catch (error) {
      for (const reader of readers) reader.close();
      throw error;
    }
    return mergeCursors(readers);
  }

  async #merge(minFrequency: number): Promise<void> {
    let words = 0;
    let occurrences = 0;
    const merged = await this.#writeRun(
      pruneCursor(this.#open(), minFrequency, (count) => {
        words++;
        occurrences += count;
      }),
    );
    for (const run of this.#runs) await nodeFs.unlink(run.path);
    this.#runs = [merged];
    if (words > 0) this.#options.onPrune({ words, occurrences, min_frequency: minFrequency });
  }

  /** The lowest frequency from which on the words fit. */
  async #minFrequency(limitBytes: number): Promise<number> {
    const bytesByCount = new Float64Array(COUNTED_FREQUENCIES); // the last: that frequent, or more
    const words = this.#open();
    let total = 0;
    try {
      while (words.next()) {
        const bytes = words.end - words.start + 2 + Math.ceil(Math.log2(words.count + 1) / 7);
        bytesByCount[Math.min(words.count, COUNTED_FREQUENCIES - 1)]! += bytes;
        total += bytes;
      }
    } finally {
      words.close();
    }
    if (total <= 1.5 * limitBytes) return 1;
    for (let frequency = 1; frequency < COUNTED_FREQUENCIES; frequency++) {
      if (total <= limitBytes) return frequency;
      total -= bytesByCount[frequency]!;
    }
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `diskBudgetBytes: expected room for the words that occur ${COUNTED_FREQUENCIES} times or more, got ${this.#options.diskBudgetBytes}`,
    );
  }

  async #writeRun(words: WordCursor): Promise<Run> {
    try {
      const path = join(await this.#requireFolder(), `${this.#created++}.run`);
      const file = await nodeFs.open(path, "wx").catch((error: unknown) => {
        throw toStorageError(error, "create", path);
      });
      try {
        let position = 0;
        const sink = async (bytes: Uint8Array): Promise<void> => {
          await writeFully(file, bytes, position).catch((error: unknown) => {
            throw toStorageError(error, "write", path);
          });
          position += bytes.length;
        };
        const { blockBytes, signal } = this.#options;
        const { bytes } = await writeWordCounts(sink, this.#header, words, { blockBytes, signal });
        return { path, bytes };
      } finally {
        await file.close();
      }
    } finally {
      words.close();
    }
  }

  async #requireFolder(): Promise<string> {
    if (this.#folder !== undefined) return this.#folder;
    const { temporaryDirectory = tmpdir() } = this.#options;
    await makeDirectory(temporaryDirectory);
    const folder = temporaryPath(join(temporaryDirectory, "codex-word-counts"));
    await nodeFs.mkdir(folder).catch((error: unknown) => {
      throw toStorageError(error, "create", folder);
    });
    this.#folder = folder;
    return folder;
  }
}
