/**
 * Queries in a session database of ten million events, made on the first run (some minutes, about 5 GB) and kept:
 *
 *   node tools/bench/records/sessions-query.mjs [--events 10000000] [--repeats 20] [--path .cache/bench/records/sessions.db]
 *
 * 10,000 sessions of 1,000 events each, that go on at the same time. Each query is asked through a store (`openSessionStore`) as
 * `codex sessions` does, with other sessions, times and words each time; the first ask is told apart.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { eventTexts } from "./event-texts.mjs";
import { importPackages, onSources } from "./on-sources.mjs";

onSources(import.meta.url);
const { Database, sessions, openStore } = await importPackages();

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "10000000" },
    repeats: { type: "string", default: "20" },
    path: { type: "string", default: ".cache/bench/records/sessions.db" },
  },
});
const EVENTS = Number(values.events);
const SESSIONS = Math.max(10, EVENTS / 1000);
const START = Date.UTC(2026, 0, 1) / 1000;
const SECONDS_APART = 0.5;

const sessionOf = (n) => `session-${(n * 7919) % SESSIONS}`;
const timeOf = (n) => START + n * SECONDS_APART;

async function make(path) {
  const temporary = `${path}.part`;
  for (const end of ["", "-wal", "-shm"]) rmSync(temporary + end, { force: true });
  mkdirSync(dirname(path), { recursive: true });
  await (await openStore(temporary)).close();
  const database = new Database(temporary);
  for (const setting of ["synchronous = OFF", "cache_size = -400000", "wal_autocheckpoint = 50000"])
    database.pragma(setting);
  const indexes = database
    .prepare(
      "select name, sql from sqlite_master where type = 'index' and sql is not null and tbl_name = 'session_events'",
    )
    .all();
  for (const { name } of indexes) database.exec(`drop index ${name}`);
  const insert = database.prepare(
    "insert into session_events (session_id, id, ts, type, role, level, message, metadata) values (?, ?, ?, 'event', ?, ?, ?, null)",
  );
  const texts = eventTexts(200_000, 2);
  for (let from = 0; from < EVENTS; from += 100_000) {
    database.exec("begin");
    for (let n = from; n < Math.min(EVENTS, from + 100_000); n++) {
      const [role, level] = [["user", "assistant", "tool"][n % 3], n % 50 === 0 ? "error" : "info"];
      insert.run(sessionOf(n), `AAAAAAAAAAA-${n}`, timeOf(n), role, level, `${texts[n % texts.length]} ${n}`);
    }
    database.exec("commit");
  }
  for (const { sql } of indexes) database.exec(sql);
  database.exec(`insert into sessions select session_id, '/', 0, 0, 0, '', count(*), min(ts), max(ts), min(event_key), max(event_key)
    from session_events group by session_id`);
  database.exec("insert into session_messages(session_messages) values ('rebuild')");
  database.exec("update full_text_state set indexed_key = (select max(event_key) from session_events)");
  database.exec("analyze");
  database.close();
  renameSync(temporary, path);
}

if (!existsSync(values.path)) {
  const started = performance.now();
  await make(values.path);
  console.log(`made in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

const day = (n) => new Date((timeOf(n) - (timeOf(n) % 86_400)) * 1000).toISOString().slice(0, 10);
const some = (k) => (k * 2_654_435_761) % EVENTS;
const QUERIES = {
  "one session, one day of it, in order of time": (k) => ({
    sessionId: sessionOf(some(k)),
    since: day(some(k)),
    until: day(some(k)),
  }),
  "one session, all of it (1,000 events)": (k) => ({ sessionId: sessionOf(some(k)) }),
  "one session, last 20": (k) => ({ sessionId: sessionOf(some(k)), tail: 20 }),
  "all sessions, one hour, first 100": (k) => ({
    since: new Date(timeOf(some(k)) * 1000),
    until: new Date((timeOf(some(k)) + 3600) * 1000),
    limit: 100,
  }),
  "one session, a text within": (k) => ({ sessionId: sessionOf(some(k)), contains: "loss" }),
  "search: a frequent word, newest 20": () => ({ search: "loss", order: "desc", limit: 20 }),
  "search: two words, newest 20": () => ({ search: "gradient AND checkpoint", order: "desc", limit: 20 }),
  "search: a phrase, newest 20": () => ({ search: '"learning rate"', order: "desc", limit: 20 }),
  "search: a word that occurs once": (k) => ({
    search: String(1_000_000 + (some(k) % (EVENTS - 1_000_000 || 1))),
    limit: 20,
  }),
  "search: start of a word, newest 20": () => ({ search: "perplex*", order: "desc", limit: 20 }),
  "search: within one session": (k) => ({ search: "loss", sessionId: sessionOf(some(k)), limit: 20 }),
};

console.log(
  `${EVENTS.toLocaleString("en-US")} events, ${(statSync(values.path).size / 1e9).toFixed(1)} GB; milliseconds`,
);
console.log("| query | first | median | slowest | events found |\n| --- | --- | --- | --- | --- |");
const store = await sessions.openSessionStore({ database: values.path, directory: false });
for (const [name, query] of Object.entries(QUERIES)) {
  const times = [];
  let found = 0;
  for (let k = 1; k <= Number(values.repeats); k++) {
    const started = performance.now();
    found = Math.max(found, (await store.query(query(k))).length);
    times.push(performance.now() - started);
  }
  const [first] = times;
  times.sort((a, b) => a - b);
  const show = (ms) => ms.toFixed(ms < 10 ? 1 : 0);
  console.log(`| ${name} | ${show(first)} | ${show(times[times.length >> 1])} | ${show(times.at(-1))} | ${found} |`);
}
await store.close();
