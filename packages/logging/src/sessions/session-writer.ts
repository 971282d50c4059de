/**
 * Writes the events of one session to its file. What is logged while a sync is under way goes out together with the next
 * one (group commit), and a call resolves when its line is synced.
 *
 * A medium that refuses (full, read-only, failing) is told once. Its events are kept in memory, in order, and written when
 * it takes them again; their calls reject with `LOGGING_DEFERRED`, because they have not been accepted.
 */
import { randomBytes } from "node:crypto";
import { type AppendFs, nodeAppendFs, SharedLines } from "@codex/storage";
import { LoggingError } from "../errors.ts";
import { makeSessionEvent, type SessionEvent, type SessionEventInput, toLine } from "./session-event.ts";
import type { SessionNotice } from "./session-notice.ts";

export interface SessionWriterOptions {
  readonly onNotice: (notice: SessionNotice) => void;
  /** Told of every batch that is synced. */
  readonly onAccepted?: (batch: AcceptedBatch) => void;
  readonly fs?: AppendFs;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
  /** Characters of lines that may wait while the medium refuses; newer ones are lost. Default: 64 million. */
  readonly maxWaiting?: number;
  /** Milliseconds before the first new attempt on a medium that refuses; doubles up to 5 s. Default: 100. */
  readonly retryDelay?: number;
}

/** Events that are in the file, synced. */
export interface AcceptedBatch {
  readonly path: string;
  readonly sessionId: string;
  readonly events: readonly SessionEvent[];
  readonly lines: readonly string[];
  /** Offsets in the file; undefined when they are not known. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
}

/** Events that are accepted together: their calls share one promise. */
class Group {
  readonly events: SessionEvent[] = [];
  readonly lines: string[] = [];
  characters = 0;
  /** Lines that are in the file, synced or not. */
  written = 0;
  /** Where they lie, if they lie in one piece. */
  range: AcceptedBatch["range"];
  readonly accepted: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.accepted = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.accepted.catch(() => {}); // logging without waiting must never end a process
  }

  wrote(count: number, range: AcceptedBatch["range"]): void {
    this.range = this.written === 0 ? range : undefined;
    this.written += count;
  }
}

/** A group beyond that is closed, so that one write stays short. */
const MAX_GROUP_CHARACTERS = 4 * 1024 * 1024;
const MAX_RETRY_DELAY = 5000;
/** A clock is set back by a hair now and then; order is worth more than a second. More than that is told. */
const CLOCK_TOLERANCE = 1000;

export class SessionWriter {
  readonly path: string;
  readonly sessionId: string;
  readonly #options: SessionWriterOptions;
  readonly #lines: SharedLines;
  readonly #now: () => number;
  /** First part of the ids of this writer's events. */
  readonly #writerId = randomBytes(8).toString("base64url");
  #count = 0;
  #lastTime = 0;
  #lastTimestamp = "";
  #clockTold = false;
  /** Oldest first; the last one takes new events until it is written. */
  #groups: Group[] = [];
  #waiting = 0;
  #waitingCharacters = 0;
  #running: Promise<void> | undefined;
  /** Since the medium refused: why, and how many events it has kept waiting. */
  #refusal: { error: Error; lost: number } | undefined;
  #retry: { timer: NodeJS.Timeout; delay: number } | undefined;
  #closed = false;

  constructor(path: string, sessionId: string, options: SessionWriterOptions) {
    this.path = path;
    this.sessionId = sessionId;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#lines = new SharedLines(path, { fs: options.fs ?? nodeAppendFs });
  }

  /** Events that are not accepted yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Why the medium does not take events at the moment. */
  get refusal(): Error | undefined {
    return this.#refusal?.error;
  }

  /**
   * Resolves when the line of the event is synced. A rejection that nobody looks at is not an unhandled one.
   * @throws {LoggingError} `LOGGING_EVENT_INVALID`, `LOGGING_DEFERRED`, `LOGGING_EVENT_LOST`, `LOGGING_CLOSED`
   */
  append(input: SessionEventInput): Promise<void> {
    try {
      return this.#append(input);
    } catch (error) {
      return rejection(error);
    }
  }

  /** Resolves when nothing waits any more. @throws {LoggingError} `LOGGING_DEFERRED` when the medium refuses */
  async flush(): Promise<void> {
    while (this.#waiting > 0) {
      this.#stopRetrying();
      await this.#start();
      if (this.#refusal !== undefined) throw this.#deferred();
    }
  }

  /**
   * Writes and syncs everything at once, holding up the event loop: for a process that is ending. Never throws.
   * @returns how many events could not be written
   */
  flushNow(): number {
    try {
      this.#write();
      this.#lines.syncNow();
      this.#accept(this.#groups.length);
    } catch (error) {
      this.#refuse(error);
    }
    return this.#waiting;
  }

  /** Makes one more attempt at what waits, and closes the file. @throws {LoggingError} `LOGGING_DEFERRED` with what is lost */
  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.flush();
    } finally {
      this.#closed = true;
      this.#stopRetrying();
      await this.#lines.close();
    }
  }

  #append(input: SessionEventInput): Promise<void> {
    if (this.#closed) throw new LoggingError("LOGGING_CLOSED", `session ${this.sessionId}: event after its end`);
    const event = makeSessionEvent(input, `${this.#writerId}-${this.#count++}`, this.sessionId, this.#timestamp());
    const line = toLine(event);
    if (this.#refusal !== undefined && this.#waitingCharacters + line.length > (this.#options.maxWaiting ?? 64e6)) {
      this.#refusal.lost++;
      throw new LoggingError(
        "LOGGING_EVENT_LOST",
        `${this.path}: too many events are waiting for a medium that refuses them; this one is lost`,
        { cause: this.#refusal.error },
      );
    }
    const group = this.#openGroup();
    group.events.push(event);
    group.lines.push(line);
    group.characters += line.length;
    this.#waiting++;
    this.#waitingCharacters += line.length;
    if (this.#refusal !== undefined) throw this.#deferred();
    void this.#start();
    return group.accepted;
  }

  #openGroup(): Group {
    const last = this.#groups.at(-1);
    if (last !== undefined && last.written === 0 && last.characters < MAX_GROUP_CHARACTERS) return last;
    const group = new Group();
    this.#groups.push(group);
    return group;
  }

  #start(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    await undefined; // what is logged in one go is written in one go
    while (this.#groups.length > 0 && !this.#closed) {
      let written: number;
      try {
        written = this.#write();
        await this.#lines.sync();
      } catch (error) {
        this.#refuse(error);
        break;
      }
      this.#accept(written);
    }
    this.#running = undefined; // in the same turn as the last look: what comes next starts anew
  }

  /** Hands what waits to the system, oldest first. @returns how many groups are written whole */
  #write(): number {
    for (const group of this.#groups) {
      while (group.written < group.lines.length) {
        const { count, range } = this.#lines.append(
          group.written === 0 ? group.lines : group.lines.slice(group.written),
        );
        group.wrote(count, range);
      }
    }
    return this.#groups.length;
  }

  /** The first groups have been synced. */
  #accept(count: number): void {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    this.#stopRetrying();
    for (const { resolve, events, lines, range, characters } of this.#groups.splice(0, count)) {
      this.#waiting -= events.length;
      this.#waitingCharacters -= characters;
      resolve();
      this.#options.onAccepted?.({ path: this.path, sessionId: this.sessionId, events, lines, range });
    }
    if (refusal !== undefined) this.#tellRecovery(refusal.lost);
  }

  #refuse(error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error));
    const first = this.#refusal === undefined;
    this.#refusal = { error: cause, lost: this.#refusal?.lost ?? 0 };
    const deferred = this.#deferred();
    for (const { reject } of this.#groups) reject(deferred);
    if (first) {
      this.#tell({
        kind: "deferred",
        message: `${cause.message}. Session ${this.sessionId} goes on; its events wait in memory until the disk takes them.`,
        error: deferred,
      });
    }
    if (this.#closed) return;
    const delay = Math.min(
      MAX_RETRY_DELAY,
      this.#retry === undefined ? (this.#options.retryDelay ?? 100) : this.#retry.delay * 2,
    );
    clearTimeout(this.#retry?.timer);
    this.#retry = { delay, timer: setTimeout(() => void this.#start(), delay) };
    this.#retry.timer.unref(); // what waits is no reason to keep a process alive: it is written at its end
  }

  #tellRecovery(lost: number): void {
    this.#tell({
      kind: "resumed",
      message: `${this.path}: the disk takes events again${lost === 0 ? "; none is lost" : `; ${lost} were lost in between`}.`,
    });
    if (lost === 0) return;
    const message = `${lost} events were lost while the disk refused them`;
    void this.append({ role: "system", level: "error", message, metadata: { lost } });
  }

  /** A notice that its receiver cannot take must not stop the writing. */
  #tell(notice: SessionNotice): void {
    try {
      this.#options.onNotice(notice);
    } catch {
      // It is the receiver's own failure, and there is nobody else to tell.
    }
  }

  #stopRetrying(): void {
    clearTimeout(this.#retry?.timer);
    this.#retry = undefined;
  }

  #deferred(): LoggingError {
    const cause = this.#refusal!.error;
    return new LoggingError("LOGGING_DEFERRED", `${this.path}: not accepted yet: ${cause.message}`, {
      cause,
      help: "The event is kept in memory and written when the disk takes it.",
    });
  }

  #timestamp(): string {
    let now = this.#now();
    const back = this.#lastTime - now;
    if (back > 0 && back <= CLOCK_TOLERANCE) now = this.#lastTime;
    else if (back > CLOCK_TOLERANCE && !this.#clockTold) {
      this.#clockTold = true;
      const message = `the clock went back by ${(back / 1000).toFixed(1)} s; times before and after do not compare`;
      this.#tell({ kind: "clock", message: `Session ${this.sessionId}: ${message}.` });
    }
    if (now !== this.#lastTime || this.#lastTimestamp === "") this.#lastTimestamp = new Date(now).toISOString();
    this.#lastTime = now;
    return this.#lastTimestamp;
  }
}

function rejection(error: unknown): Promise<never> {
  const rejected = Promise.reject(error);
  rejected.catch(() => {});
  return rejected;
}
