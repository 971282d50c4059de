/**
 * Events per second of one process, durable in batches, against prepared inserts of better-sqlite3 into the same tables:
 *
 *   node tools/bench/records/sessions-write.mjs [--events 40000] [--batches 100,1000] [--rounds 3] [--modes immediate,background]
 *
 * Both make a batch survive a power loss before the next one begins, with one sync: the inserts by a commit with synchronous=FULL, the
 * session log by its line file (its database follows, at synchronous=NORMAL). The clock of the session log stops when its database has
 * all rows as well. Implementations take turns, each round in a new folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { eventTexts } from "./event-texts.mjs";
import { importPackages, onSources } from "./on-sources.mjs";

onSources(import.meta.url);
const { Database, sessions, openStore } = await importPackages();

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "40000" },
    batches: { type: "string", default: "100,1000" },
    rounds: { type: "string", default: "3" },
    modes: { type: "string", default: "immediate,background" },
  },
});
const EVENTS = Number(values.events);
const texts = eventTexts(EVENTS, 1);

/** @returns events per second */
async function inserts(folder, batch, fullText) {
  const path = join(folder, "plain.db");
  await (await openStore(path)).close(); // the same tables and indexes
  const database = new Database(path);
  for (const setting of ["journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY"]) database.pragma(setting);
  const insert = database.prepare(
    "insert into session_events (session_id, id, ts, type, role, level, message, metadata) values (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const index = database.prepare("insert into session_messages (rowid, message) values (?, ?)");
  const started = performance.now();
  for (let from = 0; from < EVENTS; from += batch) {
    database.exec("begin immediate");
    for (let n = from; n < Math.min(EVENTS, from + batch); n++) {
      const metadata = JSON.stringify({ turn: n });
      const row = insert.run(
        "bench",
        `AAAAAAAAAAA-${n}`,
        Date.now() / 1000,
        "event",
        "user",
        "info",
        texts[n],
        metadata,
      );
      if (fullText) index.run(row.lastInsertRowid, texts[n]);
    }
    database.exec("commit");
  }
  const seconds = (performance.now() - started) / 1000;
  database.close();
  return EVENTS / seconds;
}

/** @returns events per second, and seconds that the full-text index took afterwards */
async function session(folder, batch, fullText) {
  const target = { directory: join(folder, "sessions"), database: join(folder, "session.db"), fullText };
  await (await openStore(target.database)).close();
  const logger = new sessions.SessionLogger({ sessionId: "bench", ...target });
  await logger.flush();
  const started = performance.now();
  for (let from = 0; from < EVENTS; from += batch) {
    const accepted = [];
    for (let n = from; n < Math.min(EVENTS, from + batch); n++) {
      accepted.push(logger.logEvent("user", texts[n], { metadata: { turn: n } }));
    }
    await Promise.all(accepted);
  }
  await rowsComplete(target.database);
  const seconds = (performance.now() - started) / 1000;
  const filling = performance.now();
  await logger.end(); // waits for the full-text index, but not for longer than two seconds
  await sessions.closeSessions();
  const store = await sessions.openSessionStore({ database: target.database, directory: target.directory });
  const found = await store.count({ search: "gradient" });
  const fillSeconds = (performance.now() - filling) / 1000;
  const expected = texts.filter((text) => /\bgradient\b/.test(text)).length;
  const count = await store.count({ type: "event" });
  if (found !== expected || count !== EVENTS) throw new Error(`${count} events, ${found} of ${expected} found`);
  await store.close();
  return [EVENTS / seconds, fillSeconds];
}

async function rowsComplete(path) {
  const database = new Database(path, { readonly: true });
  const count = database.prepare("select events from sessions where session_id = 'bench'").pluck();
  while ((count.get() ?? 0) < EVENTS) await new Promise((resolve) => setTimeout(resolve, 1));
  database.close();
}

async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), "codex-bench-records-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const round = (number) => Math.round(number).toLocaleString("en-US");

console.log(
  `${EVENTS} events of ${round(texts.join("").length / EVENTS)} characters, medians of ${values.rounds} rounds, events per second`,
);
console.log(
  "| full-text index | batch | inserts | session log | ratio | index afterwards, s |\n| --- | --- | --- | --- | --- | --- |",
);
for (const fullText of values.modes.split(",")) {
  for (const batch of values.batches.split(",").map(Number)) {
    const [plain, ours, fills] = [[], [], []];
    for (let n = 0; n < Number(values.rounds); n++) {
      plain.push(await inFolder((folder) => inserts(folder, batch, fullText === "immediate")));
      const [rate, fill] = await inFolder((folder) => session(folder, batch, fullText));
      ours.push(rate);
      fills.push(fill);
    }
    const ratios = ours.map((rate, n) => rate / plain[n]);
    const all = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
    console.log(
      `| ${fullText} | ${batch} | ${round(median(plain))} | ${round(median(ours))} | ${median(ratios).toFixed(2)} (${all}) | ${median(fills).toFixed(1)} |`,
    );
  }
}
