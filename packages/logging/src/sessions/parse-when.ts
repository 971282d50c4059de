import { LoggingError } from "../errors.ts";

const SHAPE =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([Zz]|[+-]\d{2}(?::?\d{2})?))?)?$/;

/**
 * A point in time as people write it: `2026-11-21T20:15:00Z`, `2026-11-21 20:15:00.5+05:30`, `2026-11-21T20:15` (a time
 * without a zone is UTC), `2026-11-21`.
 *
 * @param edge - what a plain date means: the `start` of that day, or its `end`, the last millisecond of it (for an upper bound). Default: `start`
 * @throws {LoggingError} `LOGGING_TIME_INVALID` for anything else, with an example
 */
export function parseWhen(text: string, edge: "start" | "end" = "start"): Date {
  const match = SHAPE.exec(text.trim());
  if (match === null) throw invalid(text);
  const [year, month, day, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => part && Number(part)) as [...[number, number, number], ...(number | undefined)[]];
  const milliseconds = Number((match[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  const exists = local.getUTCMonth() === month - 1 && local.getUTCDate() === day;
  const offset = offsetMinutes(match[8]);
  if (!exists || hour > 23 || minute > 59 || second > 59 || offset === undefined) throw invalid(text);
  if (match[4] === undefined && edge === "end") return new Date(local.getTime() + 24 * 3600_000 - 1);
  local.setUTCHours(hour, minute, second, milliseconds);
  return new Date(local.getTime() - offset * 60_000);
}

/** Minutes east of Greenwich; undefined for an offset that no clock has. */
function offsetMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2) || "0")];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function invalid(text: string): LoggingError {
  return new LoggingError(
    "LOGGING_TIME_INVALID",
    `time: expected a date or a time, got ${JSON.stringify(text.slice(0, 80))}`,
    { help: "For example 2026-11-21, 2026-11-21T20:15 (UTC), 2026-11-21T20:15:00Z or 2026-11-21T20:15:00+05:30." },
  );
}
