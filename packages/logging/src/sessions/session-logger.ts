import { redactArguments, redactText } from "@codex/safety";
import { LoggingError } from "../errors.ts";
import {
  acquireSession,
  type OpenSession,
  releaseSession,
  type SessionTarget,
  settleDatabase,
} from "./open-sessions.ts";
import { onProcessEnd, type ProcessEnd } from "./process-end.ts";
import type { SessionLevel, SessionRole } from "./session-event.ts";
import { getSessionId } from "./session-id.ts";

export interface SessionLoggerOptions extends SessionTarget {
  /** Default: `getSessionId()`. */
  readonly sessionId?: string;
  /** Arguments to keep in the start record, without secrets. Default: `process.argv`. */
  readonly argv?: readonly string[];
  /** More to keep in the start record. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface LogEventOptions {
  /** Default: `info`. */
  readonly level?: SessionLevel | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** How a session ended. */
export interface SessionOutcome {
  /** Default: 1 with an error, else `process.exitCode` or 0. */
  readonly exitCode?: number;
  /** What went wrong. */
  readonly error?: unknown;
  readonly signal?: NodeJS.Signals;
}

/** Loggers whose block is over and whose end record is not written yet. */
const finishing = new Set<Promise<void>>();

/**
 * A session that begins now, with a start record, and ends with an end record that says how: exit code, seconds, error.
 *
 *     await using session = new SessionLogger();
 *     await session.logEvent("user", "What is the loss?");
 *
 * At the end of its block what was logged is synced; the end record follows a moment later, when it is known whether an
 * error that left the block ended the process. It is also written when the process ends while the session goes on:
 * `process.exit`, an error that nobody caught, SIGINT, SIGTERM, SIGHUP. Whoever wants to be sure within the block calls `end`;
 * `withSession` does all of it around a function.
 */
export class SessionLogger implements Disposable, AsyncDisposable {
  readonly sessionId: string;
  /** Its file. */
  readonly path: string;
  readonly #session: OpenSession;
  readonly #key: string;
  readonly #startedAt = performance.now();
  readonly #stopListening: () => void;
  /** Set at the end of the block: the session has lasted that long. */
  #seconds: number | undefined;
  #ended = false;

  /** @throws {LoggingError} `LOGGING_SESSION_ID_INVALID` */
  constructor(options: SessionLoggerOptions = {}) {
    const { sessionId = getSessionId(), argv = process.argv, metadata, ...target } = options;
    const { session, key } = acquireSession(sessionId, target);
    this.sessionId = sessionId;
    this.path = session.writer.path;
    this.#session = session;
    this.#key = key;
    this.#stopListening = onProcessEnd((end) => this.#endWith(end));
    void session.writer.append({
      type: "session_start",
      role: "system",
      message: "session_start",
      metadata: { ...metadata, pid: process.pid, cwd: process.cwd(), argv: redactArguments(argv) },
    });
  }

  /**
   * Resolves when the event is synced to the file. A rejection that nobody looks at is not an unhandled one.
   *
   * @param message - what is not a string is turned into one
   * @throws {LoggingError} `LOGGING_EVENT_INVALID`; `LOGGING_DEFERRED` while the disk refuses: it is kept, and written when it can be;
   * `LOGGING_EVENT_LOST` when too much is waiting; `LOGGING_CLOSED` after the end
   */
  logEvent(role: SessionRole, message: unknown, options: LogEventOptions = {}): Promise<void> {
    if (this.#ended)
      return rejected(new LoggingError("LOGGING_CLOSED", `session ${this.sessionId}: event after its end`));
    return this.#session.writer.append({ role, message, level: options.level, metadata: options.metadata });
  }

  /** Resolves when all that was logged is synced. @throws {LoggingError} `LOGGING_DEFERRED` */
  flush(): Promise<void> {
    return this.#session.writer.flush();
  }

  /**
   * Writes the end record, and waits a moment for the database. Does nothing the second time. Never rejects: a disk that
   * refuses is told as a notice.
   */
  async end(outcome: SessionOutcome = {}): Promise<void> {
    if (this.#ended) return;
    this.#endWith({ ...outcome, exitCode: outcome.exitCode ?? (outcome.error === undefined ? currentExitCode() : 1) });
    this.#stopListening();
    await this.#session.writer.flush().catch(() => {});
    await settleDatabase(this.#session);
    releaseSession(this.#key);
  }

  [Symbol.dispose](): void {
    this.#finishSoon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.writer.flush().catch(() => {});
    this.#finishSoon();
  }

  #finishSoon(): void {
    if (this.#ended || this.#seconds !== undefined) return;
    this.#seconds = this.#elapsedSeconds();
    const finished = new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.end());
    finishing.add(finished);
    void finished.finally(() => finishing.delete(finished));
  }

  #endWith({ exitCode, signal, error }: ProcessEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    const outcome =
      signal !== undefined ? "interrupted" : error !== undefined || exitCode !== 0 ? "failed" : "completed";
    void this.#session.writer.append({
      type: "session_end",
      role: "system",
      level: outcome === "failed" ? "error" : "info",
      message: "session_end",
      metadata: {
        outcome,
        exit_code: exitCode,
        duration_s: this.#seconds ?? this.#elapsedSeconds(),
        ...(signal !== undefined && { signal }),
        ...(error !== undefined && { error: describe(error) }),
      },
    });
  }

  #elapsedSeconds(): number {
    return Math.round(performance.now() - this.#startedAt) / 1000;
  }
}

/**
 * A session around a function: it ends with the function, `failed` with its error where it throws one.
 * @returns what the function returns; throws what it throws
 */
export async function withSession<T>(
  work: (session: SessionLogger) => Promise<T> | T,
  options: SessionLoggerOptions = {},
): Promise<T> {
  const session = new SessionLogger(options);
  try {
    const result = await work(session);
    await session.end();
    return result;
  } catch (error) {
    await session.end({ error });
    throw error;
  }
}

/** Waits for the end records of blocks that are over. */
export async function settleSessions(): Promise<void> {
  await Promise.all(finishing);
}

function describe(error: unknown): { name: string; message: string } {
  if (error instanceof Error) return { name: error.name, message: redactText(error.message) };
  return { name: typeof error, message: redactText(String(error)) };
}

function currentExitCode(): number {
  const code = Number(process.exitCode ?? 0);
  return Number.isInteger(code) ? code : 1;
}

function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
