/**
 * Lines of session files as events. Ours are read as they are; those of shells and other programs by the names that such
 * logs use (`ts`, `msg`, `severity`, ...), with what has no place of its own in `metadata`.
 */
import { redactText } from "@codex/safety";
import { LoggingError } from "../errors.ts";
import { parseWhen } from "./parse-when.ts";
import {
  parseLevel,
  redactMetadata,
  SESSION_EVENT_TYPES,
  SESSION_ROLES,
  type SessionEvent,
  type SessionEventType,
  type SessionLevel,
  type SessionRole,
  wellFormed,
} from "./session-event.ts";

/** Names under which logs keep the parts of an event, the most telling first. */
export const FIELD_NAMES = {
  timestamp: ["timestamp", "ts", "event_ts", "created_at", "time", "datetime", "date", "event_time", "logged_at"],
  session: ["session_id", "session", "sid", "conversation_id", "context_id"],
  role: ["role", "speaker", "kind", "source", "actor"],
  message: ["message", "msg", "content", "text", "body", "value", "detail", "event"],
  level: ["level", "lvl", "severity", "log_level"],
  metadata: ["metadata", "meta", "data"],
} as const;

export type ParsedLine = { readonly event: SessionEvent } | { readonly malformed: string } | "blank";

const MAX_ID_CHARACTERS = 200;

/** @param number - of the line in its file, from 1: the id of an event that has none */
export function parseSessionLine(text: string, sessionId: string, number: number): ParsedLine {
  if (text.trim() === "") return "blank";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { malformed: "not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { malformed: "not an object" };
  return parseSessionFields(value as Record<string, unknown>, sessionId, number);
}

/** The same for fields that have been read already: a row of a database. @param number - of the row, from 1 */
export function parseSessionFields(fields: Record<string, unknown>, sessionId: string, number: number): ParsedLine {
  const rest = new Map(Object.entries(fields));
  const take = (names: readonly string[], fits: (value: unknown) => boolean): unknown => {
    const name = names.find((candidate) => rest.has(candidate) && fits(rest.get(candidate)));
    if (name === undefined) return undefined;
    const value = rest.get(name);
    rest.delete(name);
    return value;
  };
  rest.delete("schema_version");
  const timestamp = toTimestamp(take(FIELD_NAMES.timestamp, isScalar));
  if (timestamp === undefined) return { malformed: "no time, or one that is not understood" };
  take(FIELD_NAMES.session, (session) => session === sessionId); // the file says it already; another one is worth keeping
  const type = (take(["type"], isEventType) ?? take(["event"], isEventType) ?? "event") as SessionEventType;
  const level = parseLevel(
    String(take(FIELD_NAMES.level, isLevel) ?? take(FIELD_NAMES.role, isLevel) ?? "info"),
  ) as SessionLevel;
  const role = (take(FIELD_NAMES.role, isRole) ?? "system") as SessionRole;
  const id = take(
    ["id"],
    (candidate) => typeof candidate === "string" && candidate !== "" && candidate.length <= MAX_ID_CHARACTERS,
  );
  const message = take(FIELD_NAMES.message, isScalar);
  const metadata = take(FIELD_NAMES.metadata, (candidate) => typeof candidate === "object");
  const more = Object.fromEntries(rest);
  const all = Object.keys(more).length === 0 ? metadata : { ...(metadata as object | null | undefined), ...more };
  return {
    event: {
      schema_version: 1,
      id: (id as string | undefined) ?? `line-${number}`,
      session_id: sessionId,
      timestamp,
      type,
      role,
      level,
      message: redactText(wellFormed(String(message ?? fields.type ?? ""))),
      metadata: all === undefined || all === null ? null : redactMetadata(all as Record<string, unknown>),
    },
  };
}

/** Numbers are seconds since 1970, or milliseconds where they would otherwise lie past the year 5000. */
function toTimestamp(value: unknown): string | undefined {
  if (typeof value === "number" || (typeof value === "string" && /^\d{9,13}(?:\.\d+)?$/.test(value))) {
    const number = Number(value);
    const date = new Date(Math.round(number > 1e11 ? number : number * 1000));
    return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 || number < 0 ? undefined : date.toISOString();
  }
  if (typeof value !== "string") return undefined;
  try {
    return parseWhen(value).toISOString();
  } catch (error) {
    if (error instanceof LoggingError) return undefined;
    throw error;
  }
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function isRole(value: unknown): boolean {
  return (SESSION_ROLES as readonly unknown[]).includes(value);
}

function isLevel(value: unknown): boolean {
  return typeof value === "string" && parseLevel(value) !== undefined;
}

function isEventType(value: unknown): boolean {
  return (SESSION_EVENT_TYPES as readonly unknown[]).includes(value);
}
