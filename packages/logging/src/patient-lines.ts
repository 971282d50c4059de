import { type SegmentedLines, StorageError, type StorageErrorCode } from "@codex/storage";

export interface PatientLinesOptions {
  /** Told once when the medium begins to refuse, and once when all that waited is written. */
  readonly onNotice: (message: string) => void;
  /** Characters that may wait while the medium refuses; newer lines are lost then, and counted. Default: 64 million. */
  readonly maxWaitingCharacters?: number;
  /** Milliseconds before the first new attempt; doubles up to five seconds. Default: 100. */
  readonly retryDelayMs?: number;
}

/** What a medium may get over. Everything else is a mistake of the program, and is thrown. */
const REFUSALS: ReadonlySet<StorageErrorCode> = new Set([
  "STORAGE_DISK_FULL",
  "STORAGE_IO_FAILED",
  "STORAGE_PERMISSION_DENIED",
  "STORAGE_NOT_FOUND",
]);
const MAX_RETRY_DELAY_MS = 5000;

/**
 * Lines of a run that must go on whatever the disk does: they are taken at once and written in order, many in one write. While the medium refuses (full, read-only,
 * failing) they wait in memory; that is told once, and no call fails for it.
 */
export class PatientLines implements AsyncDisposable {
  readonly #lines: SegmentedLines;
  readonly #options: PatientLinesOptions;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #running: Promise<void> | undefined;
  #refusal: { readonly error: StorageError; lost: number } | undefined;
  #retry: { readonly timer: NodeJS.Timeout; readonly delayMs: number } | undefined;
  #failure: unknown;

  /** @param lines - closed by `close` */
  constructor(lines: SegmentedLines, options: PatientLinesOptions) {
    this.#lines = lines;
    this.#options = options;
  }

  /** Lines that are not written yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a line without a line feed. */
  appendLine(text: string): void {
    const { maxWaitingCharacters = 64e6 } = this.#options;
    if (this.#refusal !== undefined && this.#waitingCharacters + text.length > maxWaitingCharacters) {
      this.#refusal.lost++;
      return;
    }
    this.#waiting.push(text);
    this.#waitingCharacters += text.length;
    if (this.#refusal === undefined) void this.#start();
  }

  /**
   * Writes what waits and makes it survive a power loss, or finds that the medium still refuses.
   * @throws an error of the program, such as a line with a line feed
   */
  async sync(): Promise<void> {
    this.#stopRetrying();
    for (let first = true; this.#waiting.length > 0 && (first || this.#refusal === undefined); first = false) {
      await this.#start();
    }
    if (this.#refusal === undefined) await this.#lines.sync().catch((error: unknown) => this.#refuse(error));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Makes a last attempt at what waits, and tells how many lines are lost. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      this.#stopRetrying();
      const lost = this.#waiting.length + (this.#refusal?.lost ?? 0);
      if (lost > 0)
        this.#options.onNotice(`${this.#lines.path}: ${lost} lines are lost: ${this.#refusal?.error.message}`);
      this.#waiting = [];
      await this.#lines.close().catch((error: unknown) => this.#refuse(error));
      this.#stopRetrying();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start(): Promise<void> {
    // In a task of its own, so that the lines of one step are one write.
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#lines.appendLines(batch);
      } catch (error) {
        this.#waiting = [...batch, ...this.#waiting];
        this.#refuse(error);
        return;
      }
      for (const line of batch) this.#waitingCharacters -= line.length;
    }
    if (this.#refusal !== undefined) this.#recover(this.#refusal.lost);
  }

  #refuse(error: unknown): void {
    if (!(error instanceof StorageError) || !REFUSALS.has(error.code)) {
      this.#failure ??= error;
      this.#waiting = [];
      return;
    }
    if (this.#refusal === undefined) {
      this.#options.onNotice(
        `${error.message}. The run goes on; its records wait in memory until the disk takes them again.`,
      );
    }
    this.#refusal = { error, lost: this.#refusal?.lost ?? 0 };
    const { retryDelayMs = 100 } = this.#options;
    const delayMs = this.#retry === undefined ? retryDelayMs : Math.min(MAX_RETRY_DELAY_MS, this.#retry.delayMs * 2);
    clearTimeout(this.#retry?.timer);
    this.#retry = { delayMs, timer: setTimeout(() => void this.#start(), delayMs) };
    this.#retry.timer.unref(); // what waits keeps no process alive: `close` makes the last attempt
  }

  #recover(lost: number): void {
    this.#refusal = undefined;
    this.#stopRetrying();
    const rest = lost === 0 ? "the records are complete" : `${lost} lines were lost meanwhile`;
    this.#options.onNotice(`${this.#lines.path}: the disk takes lines again; ${rest}.`);
  }

  #stopRetrying(): void {
    clearTimeout(this.#retry?.timer);
    this.#retry = undefined;
  }
}
