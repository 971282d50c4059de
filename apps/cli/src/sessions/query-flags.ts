/** The conditions that every reading command of `codex sessions` takes, with the other names that people know them by. */

import type { SessionLevel, SessionQuery, SessionRole } from "@codex/logging/sessions";
import { type Command, Option } from "commander";
import { UsageError, wholeNumber } from "../commands/shared-options.ts";
import type { SourceFlags } from "./open-source.ts";

export interface QueryFlags extends SourceFlags {
  readonly sessionId?: string[];
  readonly role?: SessionRole[];
  readonly level?: string[];
  readonly contains?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly offset?: number;
  readonly order?: "asc" | "desc";
  readonly desc?: boolean;
  readonly tail?: number;
  readonly format?: "text" | "json";
  readonly json?: boolean;
}

const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value];

export function withSourceFlags(command: Command): Command {
  return command
    .option("--db <file>", "database (default: CODEX_LOG_DB_PATH, CODEX_DB_PATH, .codex/session_logs.db)")
    .option(
      "--log-dir, --directory <dir>",
      "folder of session files (default: CODEX_SESSION_LOG_DIR, .codex/sessions)",
    );
}

export function withQueryFlags(command: Command): Command {
  return withSourceFlags(command)
    .option("--table <name>", "table of another program's database")
    .option("--session-id <id>", "only this session (repeatable)", collect)
    .option("--role <role>", "only system, user, assistant or tool (repeatable)", collect)
    .option("--level <level>", "only debug, info, warning or error (repeatable)", collect)
    .option("--contains <text>", "only messages with this text, in upper or lower case")
    .option("--after, --since <time>", "from then on: 2026-11-20, 2026-11-20T09:30Z, 2026-11-20 09:30+01:00")
    .option("--before, --until <time>", "up to then, inclusive")
    .option("--limit <n>", "at most so many", wholeNumber("--limit"))
    .option("--offset <n>", "leave out the first so many", wholeNumber("--offset"))
    .addOption(new Option("--order <order>", "by time").choices(["asc", "desc"]))
    .option("--desc", "newest first")
    .option("--last, --tail <n>", "the last so many", wholeNumber("--tail"))
    .addOption(new Option("--format <format>", "text, or an array of JSON objects").choices(["text", "json"]));
}

/** @throws {UsageError} for a level that is none */
export async function toQuery(flags: QueryFlags): Promise<SessionQuery> {
  const { parseLevel } = await import("@codex/logging/sessions");
  const levels = flags.level?.map((text): SessionLevel => {
    const level = parseLevel(text);
    if (level === undefined)
      throw new UsageError(`--level: expected debug, info, warning or error, got "${text.slice(0, 40)}"`);
    return level;
  });
  const order = flags.order ?? (flags.desc ? "desc" : undefined);
  const given = {
    sessionId: flags.sessionId,
    role: flags.role,
    level: levels,
    contains: flags.contains,
    since: flags.since,
    until: flags.until,
    limit: flags.limit,
    offset: flags.offset,
    order,
    tail: flags.tail,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
