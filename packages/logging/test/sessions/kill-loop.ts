/** The kill test of session logs: the suite runs it for 60 kills, `tools/reliability/kill-sessions.mjs` for 1,000. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSessionStore, readSessionFile } from "@codex/logging/sessions";
import { runUntilKilled } from "@codex/storage/testing";
import Database from "better-sqlite3";
import { messageOf } from "./kill-messages.ts";

export interface SessionKillResult {
  kills: number;
  /** Events whose call had returned. */
  accepted: number;
  /** Events in the files: those too whose call had not returned. */
  stored: number;
  /** Kills that left the first bytes of a line behind. */
  torn: number;
}

export interface SessionKillOptions {
  readonly kills: number;
  readonly seed: number;
  readonly onKill?: (kill: number) => void;
}

const WRITERS = 4;
/** Then a writer begins a new session: the whole file is read after each kill. */
const KILLS_PER_SESSION = 15;

const node = [
  "--conditions=@codex/source",
  "--import",
  fileURLToPath(new URL("../../../../tools/jest/register-typescript.mjs", import.meta.url)),
  fileURLToPath(new URL("./kill.child.ts", import.meta.url)),
];

/**
 * Four processes log at once, each to a file of its own and all to one database. Each is killed again and again, half of the times
 * at a random moment, half before or within a random call of the file system, and started anew on what is left.
 *
 * @param base - an empty folder
 * @throws {Error} with the seed and the number of the kill when an accepted event is missing, a half one is read, or the stores differ
 */
export async function sessionKillLoop(
  base: string,
  { kills, seed, onKill }: SessionKillOptions,
): Promise<SessionKillResult> {
  const random = createStream(seed);
  const directory = join(base, "sessions");
  const database = join(base, "session_logs.db");
  const result: SessionKillResult = { kills: 0, accepted: 0, stored: 0, torn: 0 };
  const acceptedBy = new Map<string, Set<string>>();
  let started = 0;

  async function writer(name: string): Promise<void> {
    for (let round = 0; started < kills; round++) {
      const kill = ++started;
      const sessionId = `${name}-${Math.floor(round / KILLS_PER_SESSION)}`;
      const accepted = acceptedBy.get(sessionId) ?? new Set<string>();
      acceptedBy.set(sessionId, accepted);
      const prefix = `k${kill}`;
      const args = [...node, directory, database, sessionId, prefix];
      const [r1, r2] = [random(), random()];
      const run =
        kill % 2 === 0
          ? await runUntilKilled({ args, kill: { line: `${prefix}:`, afterMs: r1 * 60 } })
          : await runUntilKilled({ args: [...args, String(1 + Math.floor(r1 * 120)), r2 < 0.5 ? "half" : "before"] });
      const fail = (why: string) => new Error(`seed ${seed}, kill ${kill} (${sessionId}): ${why}`);
      if (run.signal !== "SIGKILL") throw fail(`the process ended by itself: ${run.stderr}`);
      for (const line of run.lines) accepted.add(line);
      const path = join(directory, `${sessionId}.ndjson`);
      if (checkFile(path, sessionId, accepted, fail)) result.torn++;
      result.kills++;
      onKill?.(result.kills);
      if (kill % 10 === 0) await checkRows(directory, database, sessionId, fail); // while the others write
    }
  }

  await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(`writer-${n}`)));
  const fail = (why: string) => new Error(`seed ${seed}, at the end: ${why}`);
  for (const [sessionId, accepted] of acceptedBy) {
    result.accepted += accepted.size;
    result.stored += await checkRows(directory, database, sessionId, fail);
  }
  using connection = new ClosingDatabase(database, { readonly: true });
  const integrity = connection.pragma("integrity_check", { simple: true });
  if (integrity !== "ok") throw fail(`integrity_check: ${integrity}`);
  connection.close();
  await checkFullText(directory, database, fail);
  return result;
}

/** @returns whether the file ends with a piece of a line */
function checkFile(
  path: string,
  sessionId: string,
  accepted: ReadonlySet<string>,
  fail: (why: string) => Error,
): boolean {
  const malformed: number[] = [];
  const events = [...readSessionFile(path, { sessionId, onMalformed: (line) => malformed.push(line) })];
  if (malformed.length > 0) throw fail(`half a line was kept: ${path}:${malformed[0]}`);
  const found = new Set<string>();
  for (const event of events) {
    if (event.type === "session_start") continue;
    const key = event.message.slice(0, event.message.indexOf(" "));
    const [prefix, number] = key.split(":");
    if (found.has(key)) throw fail(`${key} is there twice`);
    if (event.message !== messageOf(prefix!, Number(number))) throw fail(`${key} has another message`);
    found.add(key);
  }
  for (const key of accepted) if (!found.has(key)) throw fail(`${key} was accepted and is lost`);
  return !readFileSync(path, "utf8").endsWith("\n");
}

/** @returns events of the session */
async function checkRows(
  directory: string,
  database: string,
  sessionId: string,
  fail: (why: string) => Error,
): Promise<number> {
  const path = join(directory, `${sessionId}.ndjson`);
  await using store = await openSessionStore({ database, directory: false });
  await store.importFile(path);
  const events = [...readSessionFile(path, { sessionId })];
  const rows = new Map((await store.query({ sessionId })).map((event) => [event.id, event]));
  if (rows.size !== events.length) throw fail(`${events.length} events in the file, ${rows.size} in the database`);
  for (const event of events) {
    if (JSON.stringify(rows.get(event.id)) !== JSON.stringify(event))
      throw fail(`${event.id} differs between file and database`);
  }
  return events.length;
}

async function checkFullText(directory: string, database: string, fail: (why: string) => Error): Promise<void> {
  await using store = await openSessionStore({ database, directory });
  const all = await store.count({ type: "event", contains: "loss" });
  const found = await store.count({ type: "event", search: "loss" });
  if (found !== all) throw fail(`${all} messages with a word, the full-text index finds ${found}`);
  using connection = new ClosingDatabase(database);
  connection.exec("insert into session_messages(session_messages, rank) values ('integrity-check', 1)"); // throws if it differs from the rows
}

class ClosingDatabase extends Database {
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Numbers in [0, 1) that depend on the seed alone: the splitmix32 generator. */
function createStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
