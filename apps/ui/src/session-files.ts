/** Session transcripts: `<id>.ndjson` files, one event a line. Read when asked, never kept. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { numberOf, textOf } from "./event-lines.ts";
import { LineFile } from "./line-file.ts";
import type { SessionEvent, SessionHit, SessionList, SessionPage, SessionSearch, SessionSummary } from "./protocol.ts";
import { openInside } from "./safe-file.ts";

const EXTENSION = ".ndjson";
const END_BYTES = 64 * 1024;
const TITLE_LENGTH = 120;
const MAX_HITS = 200;
const SEARCH_MS = 4000;

export interface SessionFilter {
  readonly text: string;
  readonly role: string;
  readonly level: string;
}

export class SessionFiles {
  readonly directory: string;
  readonly #summaries = new Map<string, { readonly stamp: string; readonly summary: SessionSummary }>();
  #stamp = "";

  constructor(directory: string) {
    this.directory = resolve(directory);
  }

  /** Whether a file came, went or grew since the last time. */
  async hasNews(): Promise<boolean> {
    const files = await this.#files();
    const stamp = files.map(({ id, stamp }) => `${id} ${stamp}`).join("\n");
    const isNew = stamp !== this.#stamp;
    this.#stamp = stamp;
    return isNew;
  }

  /** Newest first. */
  async list(): Promise<SessionList> {
    const sessions: SessionSummary[] = [];
    for (const { id, stamp } of await this.#files()) {
      const known = this.#summaries.get(id);
      const summary = known?.stamp === stamp ? known.summary : await this.#summarize(id);
      if (summary === undefined) continue;
      this.#summaries.set(id, { stamp, summary });
      sessions.push(summary);
    }
    sessions.sort((a, b) => ((a.updatedAt ?? "") < (b.updatedAt ?? "") ? 1 : -1));
    return { directory: this.directory, sessions };
  }

  /** A part of a transcript, in its order; undefined for a session that is not there. */
  async page(
    id: string,
    filter: SessionFilter,
    range: { readonly offset: number; readonly limit: number },
  ): Promise<SessionPage | undefined> {
    if (!(await this.#has(id))) return undefined;
    const events: SessionEvent[] = [];
    let [total, matching, badLines] = [0, 0, 0];
    await this.#read(id, (event) => {
      if (event === undefined) {
        badLines++;
        return;
      }
      total++;
      if (!matches(event, filter)) return;
      if (matching >= range.offset && events.length < range.limit) events.push(event);
      matching++;
    });
    return { id, total, matching, offset: range.offset, events, badLines };
  }

  /** Looks through all transcripts, the newest first, for a text in messages. */
  async search(filter: SessionFilter): Promise<SessionSearch> {
    const until = performance.now() + SEARCH_MS;
    const hits: SessionHit[] = [];
    for (const { id } of (await this.list()).sessions) {
      if (hits.length >= MAX_HITS || performance.now() > until) return { hits, complete: false };
      await this.#read(id, (event) => {
        if (event !== undefined && hits.length < MAX_HITS && matches(event, filter))
          hits.push({ ...event, session: id });
      });
    }
    return { hits, complete: hits.length < MAX_HITS };
  }

  async #files(): Promise<{ readonly id: string; readonly stamp: string }[]> {
    const entries = await readdir(this.directory, { withFileTypes: true }).catch(() => []);
    const files = await Promise.all(
      entries
        .filter((entry) => entry.isFile() && entry.name.endsWith(EXTENSION) && !entry.name.startsWith("."))
        .map(async ({ name }) => {
          const status = await stat(join(this.directory, name)).catch(() => undefined);
          return { id: name.slice(0, -EXTENSION.length), stamp: `${status?.size} ${status?.mtimeMs}` };
        }),
    );
    return files.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** An id is one of the names in the folder, never a path that a request made up. */
  async #has(id: string): Promise<boolean> {
    return (await this.#files()).some((file) => file.id === id);
  }

  async #read(id: string, onEvent: (event: SessionEvent | undefined) => void): Promise<void> {
    const folder = await realpath(this.directory);
    const file = new LineFile(folder, join(folder, id + EXTENSION), {
      lines(bytes, firstLine) {
        const lines = bytes.toString("utf8").split("\n");
        lines.pop();
        lines.forEach((line, index) => {
          if (line !== "") onEvent(parseSessionLine(line, firstLine + index));
        });
        return lines.length;
      },
      restart() {},
    });
    await file.advance();
  }

  async #summarize(id: string): Promise<SessionSummary | undefined> {
    const folder = await realpath(this.directory).catch(() => this.directory);
    const handle = await openInside(folder, join(folder, id + EXTENSION));
    if (handle === undefined) return undefined;
    try {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(Math.min(size, END_BYTES));
      const eventsAt = async (start: number): Promise<SessionEvent[]> => {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
        const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
        return lines.flatMap((line, index) => parseSessionLine(line, index + 1) ?? []);
      };
      const first = await eventsAt(0);
      const last = size > END_BYTES ? await eventsAt(size - END_BYTES) : first;
      const end = last.findLast(({ type }) => type === "session_start" || type === "session_end");
      const ended = end?.type === "session_end";
      const said =
        first.find(({ role, type }) => role === "user" && type === "event") ??
        first.find(({ type }) => type === "event");
      return {
        id,
        startedAt: first[0]?.timestamp ?? null,
        updatedAt: last.at(-1)?.timestamp ?? null,
        title: (said?.message ?? "").trim().split("\n", 1)[0]?.slice(0, TITLE_LENGTH) ?? "",
        bytes: size,
        exitCode: ended ? numberOf((end.metadata as Record<string, unknown> | null)?.["exit_code"]) : null,
        ended,
      };
    } finally {
      await handle.close();
    }
  }
}

function matches({ message, role, level }: SessionEvent, filter: SessionFilter): boolean {
  if (filter.role !== "" && role !== filter.role) return false;
  if (filter.level !== "" && level !== filter.level) return false;
  if (filter.text === "") return true;
  const text = message.toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** @returns undefined for what is no event */
export function parseSessionLine(line: string, number: number): SessionEvent | undefined {
  let record: Record<string, unknown> | null;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof record !== "object" || record === null || typeof record["timestamp"] !== "string") return undefined;
  const { timestamp, type, role, level, message, metadata } = record;
  return {
    line: number,
    timestamp,
    type: textOf(type) ?? "event",
    role: textOf(role) ?? "system",
    level: textOf(level) ?? "info",
    message: typeof message === "string" ? message : message === undefined ? "" : JSON.stringify(message),
    metadata: metadata ?? null,
  };
}
