/** Start and end of a session that is not this process: of a shell, which asks for them one by one. */
import { redactArguments } from "@codex/safety";
import { acquireSession, releaseSession, type SessionTarget, settleDatabase } from "./open-sessions.ts";
import { readSessionFile } from "./read-session-file.ts";
import type { SessionEvent, SessionEventInput } from "./session-event.ts";

/** Resolves when the start record is synced. @param argv - kept without secrets */
export function recordSessionStart(
  sessionId: string,
  argv: readonly string[],
  target: SessionTarget = {},
): Promise<void> {
  return record(sessionId, target, () => ({
    type: "session_start",
    role: "system",
    message: "session_start",
    metadata: { pid: process.ppid, cwd: process.cwd(), argv: redactArguments(argv) },
  }));
}

/** Resolves when the end record is synced; the duration is counted from the last start record. */
export function recordSessionEnd(sessionId: string, exitCode: number, target: SessionTarget = {}): Promise<void> {
  const { now = Date.now } = target;
  return record(sessionId, target, (path) => {
    const started = lastStart(path, sessionId);
    const outcome = exitCode === 0 ? "completed" : exitCode > 128 ? "interrupted" : "failed";
    return {
      type: "session_end",
      role: "system",
      level: outcome === "failed" ? "error" : "info",
      message: "session_end",
      metadata: {
        outcome,
        exit_code: exitCode,
        duration_s: started === undefined ? null : Math.max(0, (now() - Date.parse(started.timestamp)) / 1000),
      },
    };
  });
}

async function record(
  sessionId: string,
  target: SessionTarget,
  makeEvent: (path: string) => SessionEventInput,
): Promise<void> {
  const { session, key } = acquireSession(sessionId, target);
  try {
    await session.writer.append(makeEvent(session.writer.path));
    await settleDatabase(session);
  } finally {
    releaseSession(key);
  }
}

function lastStart(path: string, sessionId: string): SessionEvent | undefined {
  let started: SessionEvent | undefined;
  try {
    for (const event of readSessionFile(path, { sessionId })) if (event.type === "session_start") started = event;
  } catch {
    // No file, or one that cannot be read: the end is worth recording without its duration.
  }
  return started;
}
