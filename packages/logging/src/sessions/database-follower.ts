/**
 * Keeps a session database in step with the session files that this process writes. It comes after the files, in the
 * background: a database that is locked, slow or cannot be opened holds nobody up and loses nothing, because its rows are
 * read from the files later.
 */
import type { OpenSessionDatabaseOptions, SessionDatabase } from "./database/session-database.ts";
import type { FullTextMode, SessionView } from "./database/session-view.ts";
import type { SessionNotice } from "./session-notice.ts";
import type { AcceptedBatch } from "./session-writer.ts";

/** Told when the database has been behind for so long. */
const PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** How long batches are gathered for one transaction. */
const GATHER_MS = 30;
/** Events that a transaction takes; more are not gathered. With the full-text index that is about 20 ms. */
const MAX_EVENTS = 1000;
/** The full-text index is filled when nothing was logged for so long. */
const QUIET_MS = 100;
/** Characters of batches kept in memory; beyond, their files are read instead. */
const MAX_KEPT_CHARACTERS = 16 * 1024 * 1024;

interface SessionFile {
  readonly path: string;
  readonly sessionId: string;
}

export class DatabaseFollower {
  readonly path: string;
  readonly #fullText: FullTextMode;
  readonly #onNotice: (notice: SessionNotice) => void;
  #batches: AcceptedBatch[] = [];
  #events = 0;
  #characters = 0;
  /** Somebody waits for the database to be complete. */
  #urgent = 0;
  /** Files to be read on, because their batches were not kept. */
  readonly #behind = new Map<string, SessionFile>();
  #database: SessionDatabase | undefined;
  #view: SessionView | undefined;
  #running: Promise<void> | undefined;
  #failingSince: number | undefined;
  #told = false;
  #pause = FIRST_PAUSE_MS;
  #closing = false;
  #wake: (() => void) | undefined;
  /** Something came since the last look. */
  #arrived = false;

  constructor(path: string, options: { fullText: FullTextMode; onNotice: (notice: SessionNotice) => void }) {
    this.path = path;
    this.#fullText = options.fullText;
    this.#onNotice = options.onNotice;
  }

  /** Takes over what was synced; returns at once. */
  follow(batch: AcceptedBatch): void {
    const { path, sessionId } = batch;
    if (this.#behind.has(path)) {
      // Its file is going to be read anyway.
    } else if (this.#characters > MAX_KEPT_CHARACTERS) {
      this.#behind.set(path, { path, sessionId });
    } else {
      this.#batches.push(batch);
      this.#events += batch.events.length;
      for (const line of batch.lines) this.#characters += line.length;
    }
    this.#arrived = true;
    if (this.#events >= MAX_EVENTS) this.#wake?.();
    this.#start();
  }

  /** Waits until the database has everything, but not longer than that. @returns whether it has */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.#isDone()) return true;
    this.#urgent++;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    this.#start();
    await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
    this.#urgent--;
    return this.#isDone();
  }

  /** One attempt, holding up the event loop: for a process that is ending. Only with a database that is open already. */
  flushNow(): void {
    try {
      this.#store();
      this.#database?.connection.close();
    } catch {
      // Whoever opens the database next reads the files.
    }
  }

  /** Waits a moment for the database to be complete, and closes it. */
  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#closing = true;
    this.#wake?.();
    await this.#running;
    await this.#database?.close();
    this.#database = undefined;
    this.#view = undefined;
  }

  #isDone(): boolean {
    return this.#batches.length === 0 && this.#behind.size === 0 && this.#running === undefined;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    await undefined;
    while (!this.#closing) {
      try {
        this.#view ??= await this.#open();
        if (this.#events < MAX_EVENTS) await this.#sleep(GATHER_MS);
        else await nextTurn(); // the files go first
        if (!this.#store()) continue;
        this.#failingSince = undefined;
        this.#pause = FIRST_PAUSE_MS;
        if (this.#fullText === "immediate" || (await this.#fillFullText())) break;
      } catch (error) {
        this.#fail(error as Error);
        await this.#sleep(this.#pause);
      }
    }
    this.#running = undefined; // in the same turn as the last look: what comes next starts anew
  }

  /** @returns false when something came in between */
  async #fillFullText(): Promise<boolean> {
    this.#arrived = false;
    await this.#sleep(QUIET_MS);
    while (!this.#arrived && !this.#closing) {
      if (this.#view!.fillFullText()) return true;
      await nextTurn();
    }
    return this.#closing;
  }

  async #open(): Promise<SessionView> {
    // Who logs without a database needs neither better-sqlite3 nor kysely.
    const { openSessionDatabase } = await import("./database/session-database.ts");
    const { SessionView } = await import("./database/session-view.ts");
    const options: OpenSessionDatabaseOptions = { timeout: 0 }; // waiting in SQLite would hold up the event loop
    this.#database = await openSessionDatabase(this.path, options);
    return new SessionView(this.#database.connection, { fullText: this.#fullText });
  }

  /** One transaction. @returns whether the database has everything */
  #store(): boolean {
    const view = this.#view;
    if (view === undefined) return false;
    if (this.#batches.length > 0) {
      const batches = this.#batches;
      for (const file of view.addBatches(batches)) this.#behind.set(file.path, file);
      this.#batches = [];
      this.#events = 0;
      this.#characters = 0;
    }
    const [file] = this.#behind.values();
    if (file !== undefined && view.catchUp(file.path, file.sessionId).done) this.#behind.delete(file.path);
    return this.#behind.size === 0 && this.#batches.length === 0;
  }

  #fail(error: Error): void {
    if ("code" in error && error.code === "ENOENT") this.#behind.clear(); // the file was deleted: nothing is left to read
    this.#failingSince ??= performance.now();
    this.#pause = Math.min(LONGEST_PAUSE_MS, this.#pause * 2);
    const busy = "code" in error && /^SQLITE_(?:BUSY|LOCKED)/.test(String(error.code));
    if (this.#told || (busy && performance.now() - this.#failingSince < PATIENCE_MS)) return;
    this.#told = true;
    const message = `${this.path}: the session database is behind: ${error.message}. Nothing is lost: its rows are read from the session files later.`;
    try {
      this.#onNotice({ kind: "database", message, error });
    } catch {
      // The receiver's own failure must not stop the following.
    }
  }

  /** Ends early when there is much to do, or somebody waits. */
  async #sleep(milliseconds: number): Promise<void> {
    if (this.#urgent > 0 && this.#failingSince === undefined) return nextTurn();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      timer.unref(); // a database that is behind is no reason to keep a process alive
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
