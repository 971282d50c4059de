import { toStorageError } from "@codex/storage";
import { parseSessionLine } from "./parse-line.ts";
import type { SessionEvent } from "./session-event.ts";
import { SessionFileReader } from "./session-file-reader.ts";

export interface ReadSessionOptions {
  readonly sessionId: string;
  /** Told of lines that are no events, by number from 1. */
  readonly onMalformed?: (line: number, reason: string) => void;
}

/**
 * Events of a session file, each once, in the order of its lines. A last line without a line feed is one that a writer has not
 * finished: it is left out. Lines that are no events are skipped, and told.
 *
 * @throws {StorageError} `STORAGE_NOT_FOUND`, `STORAGE_PERMISSION_DENIED`, ...
 */
export function* readSessionFile(path: string, options: ReadSessionOptions): Generator<SessionEvent, void, undefined> {
  const { sessionId, onMalformed } = options;
  const seen = new Set<string>();
  let number = 0;
  using reader = open(path);
  for (let lines = reader.lines(0); lines.length > 0; lines = reader.lines(lines.at(-1)!.end)) {
    for (const { text } of lines) {
      number++;
      const parsed = text === undefined ? { malformed: NO_TEXT } : parseSessionLine(text, sessionId, number);
      if (parsed === "blank") continue;
      if ("malformed" in parsed) onMalformed?.(number, parsed.malformed);
      else if (!seen.has(parsed.event.id)) {
        seen.add(parsed.event.id);
        yield parsed.event;
      }
    }
  }
}

/** Why a line without text is no event. */
export const NO_TEXT = "not UTF-8, or longer than 64 MiB";

function open(path: string): SessionFileReader {
  try {
    return new SessionFileReader(path);
  } catch (error) {
    throw toStorageError(error, "read", path);
  }
}
