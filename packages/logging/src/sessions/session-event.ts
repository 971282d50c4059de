/** The one shape of what happens in a session: a line of its file, and a row of the database. */
import { redactText, redactValue } from "@codex/safety";
import { LoggingError } from "../errors.ts";

export const SESSION_ROLES = ["system", "user", "assistant", "tool"] as const;
export const SESSION_LEVELS = ["debug", "info", "warning", "error"] as const;
export const SESSION_EVENT_TYPES = ["session_start", "event", "session_end"] as const;

export type SessionRole = (typeof SESSION_ROLES)[number];
export type SessionLevel = (typeof SESSION_LEVELS)[number];
export type SessionEventType = (typeof SESSION_EVENT_TYPES)[number];

export interface SessionEvent {
  readonly schema_version: 1;
  /** Unlike all others of the session: the key by which the line and the row are the same event. */
  readonly id: string;
  readonly session_id: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  readonly type: SessionEventType;
  readonly role: SessionRole;
  readonly level: SessionLevel;
  readonly message: string;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** What a caller says of an event; the writer adds the rest. */
export interface SessionEventInput {
  readonly type?: SessionEventType;
  readonly role: SessionRole;
  /** Default: `info`. */
  readonly level?: SessionLevel | undefined;
  /** What is not a string is turned into one. */
  readonly message: unknown;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

/** A longer line is refused: no reader would take it into memory. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/** @throws {LoggingError} `LOGGING_EVENT_INVALID` */
export function assertRole(role: unknown): asserts role is SessionRole {
  if ((SESSION_ROLES as readonly unknown[]).includes(role)) return;
  throw new LoggingError(
    "LOGGING_EVENT_INVALID",
    `role: expected one of ${SESSION_ROLES.join(", ")}, got ${show(role)}`,
  );
}

/** @throws {LoggingError} `LOGGING_EVENT_INVALID` */
export function assertLevel(level: unknown): asserts level is SessionLevel {
  if ((SESSION_LEVELS as readonly unknown[]).includes(level)) return;
  throw new LoggingError(
    "LOGGING_EVENT_INVALID",
    `level: expected one of ${SESSION_LEVELS.join(", ")}, got ${show(level)}`,
  );
}

/** A role or level in another spelling, as people and other programs write them: `WARN`, `Info`. Undefined for one that is not known. */
export function parseLevel(text: string): SessionLevel | undefined {
  const name = text.toLowerCase();
  if ((SESSION_LEVELS as readonly string[]).includes(name)) return name as SessionLevel;
  return OTHER_LEVELS.get(name);
}

const OTHER_LEVELS = new Map<string, SessionLevel>([
  ...(["trace", "verbose"] as const).map((name) => [name, "debug"] as const),
  ...(["information", "notice", "log"] as const).map((name) => [name, "info"] as const),
  ["warn", "warning"],
  ...(["err", "fatal", "critical", "alert", "emergency", "panic"] as const).map((name) => [name, "error"] as const),
]);

/**
 * Makes a record: checked, and without secrets of known shapes.
 * @throws {LoggingError} `LOGGING_EVENT_INVALID`
 */
export function makeSessionEvent(
  input: SessionEventInput,
  id: string,
  sessionId: string,
  timestamp: string,
): SessionEvent {
  const { type = "event", role, level = "info", message, metadata } = input;
  assertRole(role);
  assertLevel(level);
  return {
    schema_version: 1,
    id,
    session_id: sessionId,
    timestamp,
    type,
    role,
    level,
    message: redactText(wellFormed(toText(message))),
    metadata: metadata === undefined || metadata === null ? null : redactMetadata(metadata),
  };
}

/** @throws {LoggingError} `LOGGING_EVENT_INVALID` for one of more than 16 million characters */
export function toLine(event: SessionEvent): string {
  const line = JSON.stringify(event);
  if (line.length <= MAX_LINE_CHARACTERS) return line;
  throw new LoggingError(
    "LOGGING_EVENT_INVALID",
    `event: expected at most ${MAX_LINE_CHARACTERS} characters, got ${line.length}`,
    { help: "Write it to a file and log the path." },
  );
}

export function redactMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> | null {
  const redacted = redactValue(metadata);
  // What is no object (an array, something with a toJSON) is kept under a name, so that metadata always has names.
  return typeof redacted === "object" && redacted !== null && !Array.isArray(redacted)
    ? (redacted as Record<string, unknown>)
    : { value: redacted };
}

function toText(message: unknown): string {
  if (typeof message === "string") return message;
  if (message instanceof Error) return `${message.name}: ${message.message}`;
  if (typeof message === "object" && message !== null) return JSON.stringify(redactValue(message)) ?? "";
  return String(message);
}

/** Half of a surrogate pair has no UTF-8 form: file and database would differ. */
export function wellFormed(text: string): string {
  return /\p{Surrogate}/u.test(text) ? text.replace(/\p{Surrogate}/gu, "\ufffd") : text;
}

function show(value: unknown): string {
  return JSON.stringify(typeof value === "string" ? value.slice(0, 40) : value) ?? String(value);
}
