/** How far a tracker has come: `trackers/<name>.json` of the run directory. */
import { readFile } from "node:fs/promises";
import { type DurableFile, type DurableFs, errnoOf, toStorageError, writeFully } from "@codex/storage";
import type { TrackedOutcome } from "./tracker.ts";

export const SOURCE_NAMES = ["metrics", "system", "events"] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

export interface SourcePosition {
  readonly bytes: number;
  /** Of the last bytes that were read: a file that was cut (a resume) or replaced has others there. */
  readonly tail: { readonly bytes: number; readonly sha256: string } | null;
}

export interface CursorFile {
  readonly schema_version: 1;
  readonly sources: Readonly<Record<SourceName, SourcePosition>>;
  /** The last one sent of each series. */
  readonly series: Readonly<Record<string, Moment>>;
  readonly params: boolean;
  readonly outcome: TrackedOutcome | null;
  readonly finished: boolean;
}

/** Where something stands in its series. */
export interface Moment {
  readonly step: number | null;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

const TAIL_BYTES = 256;
const START: SourcePosition = { bytes: 0, tail: null };

/** Reads the tail of a source: `RecordSource.fingerprint`. */
export type Fingerprint = (source: SourceName, end: number, length: number) => Promise<string | undefined>;

/** The caller closes it. One at a time: hold the lock of the run directory. */
export class FeedCursor {
  readonly #file: DurableFile;
  readonly #fingerprint: Fingerprint;
  readonly #series: Map<string, Moment>;
  readonly #positions: Map<SourceName, number>;
  #size: number;
  params: boolean;
  /** How the run ended, as far as its events have been read. */
  outcome: TrackedOutcome | null;
  /** Whether the tracker has been told of that end. */
  finished: boolean;
  /** Whether the tracker was given something before. */
  readonly resumed: boolean;

  private constructor(
    file: DurableFile,
    size: number,
    saved: CursorFile | undefined,
    positions: Map<SourceName, number>,
    fingerprint: Fingerprint,
  ) {
    this.#file = file;
    this.#size = size;
    this.#fingerprint = fingerprint;
    this.#positions = positions;
    this.#series = new Map(Object.entries(saved?.series ?? {}));
    this.params = saved?.params ?? false;
    this.outcome = saved?.outcome ?? null;
    this.finished = saved?.finished ?? false;
    this.resumed = saved !== undefined;
  }

  /** @param restart - forget what was saved */
  static async open(
    path: string,
    { fs, fingerprint, restart }: { fs: DurableFs; fingerprint: Fingerprint; restart: boolean },
  ): Promise<FeedCursor> {
    const saved = restart ? undefined : await readCursor(path);
    const positions = new Map<SourceName, number>();
    for (const name of SOURCE_NAMES) {
      const { bytes, tail } = saved?.sources?.[name] ?? START;
      const same = tail !== null && (await fingerprint(name, bytes, tail.bytes)) === tail.sha256;
      positions.set(name, same ? bytes : 0); // from the start: what was sent is known by its series
    }
    try {
      const file = await fs.open(path, "r+").catch((error: unknown) => {
        if (errnoOf(error) !== "ENOENT") throw error;
        return fs.open(path, "wx");
      });
      return new FeedCursor(file, await file.size(), saved, positions, fingerprint);
    } catch (error) {
      throw toStorageError(error, "open", path);
    }
  }

  position(source: SourceName): number {
    return this.#positions.get(source) ?? 0;
  }

  move(source: SourceName, end: number): void {
    this.#positions.set(source, end);
  }

  /**
   * Whether something has not been sent yet. The steps that come again after a resume bring the same numbers; system metrics are known
   * by their time alone.
   */
  isNew(
    series: string,
    { step, timestamp }: Moment,
    order: "step" | "time" = "step",
    last: Moment | undefined = this.#series.get(series),
  ): boolean {
    if (last === undefined) return true;
    return order === "step" && step !== null && last.step !== null ? step > last.step : timestamp > last.timestamp;
  }

  /** Notes something as sent. */
  sent(series: string, { step, timestamp }: Moment): void {
    this.#series.set(series, { step, timestamp });
  }

  /**
   * Writes in place: one write of a few kilobytes, which a killed process has made or not made. A power loss may leave no cursor; then
   * everything is sent again.
   */
  async save(): Promise<void> {
    const sources: Partial<Record<SourceName, SourcePosition>> = {};
    for (const [name, bytes] of this.#positions) {
      const length = Math.min(bytes, TAIL_BYTES);
      const sha256 = length === 0 ? undefined : await this.#fingerprint(name, bytes, length);
      sources[name] = { bytes, tail: sha256 === undefined ? null : { bytes: length, sha256 } };
    }
    const contents: CursorFile = {
      schema_version: 1,
      sources: sources as CursorFile["sources"],
      series: Object.fromEntries(this.#series),
      params: this.params,
      outcome: this.outcome,
      finished: this.finished,
    };
    const text = Buffer.from(`${JSON.stringify(contents)}\n`);
    // Shorter than what is there: blanks up to its end, so that there is never half of one behind half of another.
    const padded = text.byteLength < this.#size ? Buffer.alloc(this.#size, " ").fill(text, 0, text.byteLength) : text;
    await writeFully(this.#file, padded, 0);
    this.#size = padded.byteLength;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The saved cursor; `undefined` for none, and for one that is not whole. */
export async function readCursor(path: string): Promise<CursorFile | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw toStorageError(error, "read", path);
    return "";
  });
  try {
    const value = JSON.parse(text) as CursorFile | null;
    return value?.schema_version === 1 ? value : undefined;
  } catch {
    return undefined;
  }
}
