import type { LineSink } from "./line-file.ts";
import type { RunEvent } from "./protocol.ts";

/** Events of a run that are kept; of a log with more, the older half of the ordinary ones is dropped from memory. */
const MAX_EVENTS = 50_000;

/** Those that the page shows in places of their own; they are never dropped. */
const KEPT: ReadonlySet<string> = new Set([
  "run.started",
  "run.resumed",
  "run.finished",
  "training.start",
  "training.evaluation",
  "training.sample",
  "training.checkpoint",
  "training.failure",
]);

/** Parses the lines of `events.ndjson`. */
export class EventLines implements LineSink {
  events: RunEvent[] = [];
  dropped = 0;
  badLines = 0;
  firstBadLine = 0;

  restart(): void {
    this.events = [];
    this.dropped = 0;
    this.badLines = 0;
    this.firstBadLine = 0;
  }

  lines(bytes: Buffer, firstLine: number): number {
    const lines = bytes.toString("utf8").split("\n");
    lines.pop(); // behind the last line feed
    lines.forEach((line, index) => {
      const event = parseEvent(line);
      if (event !== undefined) this.events.push(event);
      else if (line !== "") {
        this.badLines++;
        if (this.firstBadLine === 0) this.firstBadLine = firstLine + index;
      }
    });
    if (this.events.length > MAX_EVENTS) {
      const before = this.events.length;
      this.events = this.events.filter(({ event }, index) => index > before / 2 || KEPT.has(event));
      this.dropped += before - this.events.length;
    }
    return lines.length;
  }
}

function parseEvent(line: string): RunEvent | undefined {
  let record: Record<string, unknown> | null;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof record !== "object" || record === null || record["schema_version"] !== 1) return undefined;
  const { timestamp, level, event, data } = record;
  if (typeof timestamp !== "string" || typeof event !== "string") return undefined;
  return {
    timestamp,
    level: typeof level === "string" ? level : "info",
    event,
    data: typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {},
  };
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
