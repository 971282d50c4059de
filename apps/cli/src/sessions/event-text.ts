import type { SessionEvent } from "@codex/logging/sessions";
import { paint, type Terminal } from "../terminal.ts";

const LEVEL_COLOURS = { debug: 90, info: 36, warning: 33, error: 31 } as const;
const ROLE_COLOURS = { system: 90, user: 32, assistant: 34, tool: 35 } as const;

/** `2026-11-20T23:15:03.000Z (user) [session]: text`; a line break in the text stays one, set in. */
export function eventLine(event: SessionEvent, terminal: Terminal, { session }: { readonly session: boolean }): string {
  const role = paint(terminal, ROLE_COLOURS[event.role], `(${event.role})`);
  const level =
    event.level === "info" ? "" : ` ${paint(terminal, LEVEL_COLOURS[event.level], `[${event.level.toUpperCase()}]`)}`;
  const where = session ? ` [${event.session_id}]` : "";
  return `${paint(terminal, 90, event.timestamp)} ${role}${level}${where}: ${visible(event.message)}`;
}

/** Text of others on a terminal: line breaks are set in, and control characters, which could move its cursor, are shown. */
function visible(text: string): string {
  return text.replace(/\r\n?|\n/g, "\n    ").replace(/[^\n\t\P{Cc}]/gu, (control) => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
