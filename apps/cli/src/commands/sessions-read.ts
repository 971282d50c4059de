import type { SessionEvent } from "@codex/logging/sessions";
import { type Command, Option } from "commander";
import type { CommandContext } from "../program.ts";
import { eventLine } from "../sessions/event-text.ts";
import { openSource, openStore } from "../sessions/open-source.ts";
import { type QueryFlags, toQuery, withQueryFlags, withSourceFlags } from "../sessions/query-flags.ts";
import { withSignals } from "../signals.ts";
import { type Terminal, table } from "../terminal.ts";
import { UsageError, withSharedOptions } from "./shared-options.ts";

interface ExportFlags extends QueryFlags {
  readonly output?: string;
}

interface TailFlags extends QueryFlags {
  readonly follow?: boolean;
}

/** Milliseconds between two looks at the files. */
const FOLLOW_INTERVAL_MS = 250;
const DEFAULT_TAIL = 20;

export function addSessionReadCommands(sessions: Command, { terminal }: CommandContext): void {
  const write = (events: readonly SessionEvent[], flags: QueryFlags, session: boolean) =>
    writeEvents(terminal, events, { json: flags.json === true || flags.format === "json", session });

  withSharedOptions(withSourceFlags(sessions.command("list")))
    .description("List the sessions, the one with the newest event first.")
    .option("--after, --since <time>", "with events from then on")
    .option("--before, --until <time>", "with events up to then")
    .option("--limit <n>", "at most so many", Number)
    .addHelpText("after", "\nExample:\n  $ codex sessions list --since 2026-11-20")
    .action(async (flags: QueryFlags) => {
      await using store = await openStore(flags);
      const { since, until, limit } = await toQuery(flags);
      const list = await store.sessions(JSON.parse(JSON.stringify({ since, until, limit })) as object);
      if (flags.json) return void terminal.out.write(`${JSON.stringify(list)}\n`);
      const rows = list.map(({ sessionId, events, malformed, firstAt, lastAt, end }) => [
        sessionId,
        String(events),
        firstAt ?? "-",
        lastAt ?? "-",
        end === null ? "open" : `${end.outcome ?? "ended"} (${end.exitCode ?? "-"})`,
        end?.durationS === null || end === null ? "-" : `${end.durationS.toFixed(1)} s`,
        malformed === 0 ? "" : `${malformed} malformed lines`,
      ]);
      const header = ["session", "events", "first", "last", "end", "lasted", ""];
      terminal.out.write(rows.length === 0 ? "no sessions\n" : `${table([header, ...rows])}\n`);
    });

  withSharedOptions(withQueryFlags(sessions.command("view")))
    .description("Show one session from start to end.")
    .argument("[id]", "the session; or --session-id")
    .addHelpText("after", "\nExample:\n  $ codex sessions view <session-id> --level warning --level error")
    .action(async (id: string | undefined, flags: QueryFlags) => {
      const named = [...(id === undefined ? [] : [id]), ...(flags.sessionId ?? [])];
      if (named.length !== 1) throw new UsageError(`sessions view: expected one session, got ${named.length}`);
      await using source = await openSource(flags);
      write(await source.query(await toQuery({ ...flags, sessionId: named })), flags, false);
    });

  withSharedOptions(withQueryFlags(sessions.command("query")))
    .description("Show the events of all sessions that conditions hold for.")
    .addHelpText("after", "\nExample:\n  $ codex sessions query --role user --after 2026-11-20 --limit 50")
    .action(async (flags: QueryFlags) => {
      await using source = await openSource(flags);
      write(await source.query(await toQuery(flags)), flags, true);
    });

  withSharedOptions(withQueryFlags(sessions.command("search")))
    .description("Find words in all messages.")
    .argument("<text>", 'words, or a query of FTS5: error AND (disk OR "no space")')
    .addHelpText("after", "\nExample:\n  $ codex sessions search 'disk full' --since 2026-11-01")
    .action(async (search: string, flags: QueryFlags) => {
      await using source = await openSource(flags);
      write(await source.query({ ...(await toQuery(flags)), search }), flags, true);
    });

  withSharedOptions(withQueryFlags(sessions.command("export")))
    .description("Write a session for other programs.")
    .argument("<id>", "the session")
    .option("-o, --output <file>", "file to write instead of standard output")
    .addHelpText("after", "\nExample:\n  $ codex sessions export <session-id> --format text")
    .action(async (id: string, flags: ExportFlags) => {
      await using source = await openSource(flags);
      const events = await source.query(await toQuery({ ...flags, sessionId: [id] }));
      const plain: Terminal = { ...terminal, env: { NO_COLOR: "1" } };
      const text =
        flags.format === "text"
          ? events.map((event) => `${eventLine(event, plain, { session: false })}\n`).join("")
          : `${JSON.stringify(events, null, 2)}\n`;
      if (flags.output === undefined) return void terminal.out.write(text);
      const { writeFileDurably } = await import("@codex/storage");
      const { size } = await writeFileDurably(flags.output, text);
      terminal.out.write(
        flags.json
          ? `${JSON.stringify({ output: flags.output, events: events.length, bytes: size })}\n`
          : `${events.length} events written to ${flags.output}\n`,
      );
    });

  withSharedOptions(withQueryFlags(sessions.command("tail")))
    .description("Show the last events, and with --follow those that come.")
    .addOption(new Option("-n <n>", "the last so many").argParser(Number).conflicts("tail"))
    .option("-f, --follow", "go on until Ctrl-C")
    .addHelpText("after", "\nExample:\n  $ codex sessions tail -n 5\n  $ codex sessions tail -f --level error")
    .action(async (flags: TailFlags & { readonly n?: number }) => {
      const tail = flags.tail ?? flags.n ?? DEFAULT_TAIL;
      const query = await toQuery({ ...flags, tail });
      if (!flags.follow) {
        await using source = await openSource(flags);
        return write(await source.query(query), flags, true);
      }
      await using store = await openStore(flags);
      const { sessionDirectory } = await import("@codex/logging/sessions");
      const directory = flags.directory ?? sessionDirectory();
      const seen = new Set<string>();
      await withSignals(terminal, "stopping", async (signal) => {
        for (let next = query; !signal.aborted; ) {
          for (const event of await store.query(next)) {
            const key = `${event.session_id}\0${event.id}`;
            if (seen.has(key)) continue;
            seen.add(key);
            terminal.out.write(
              flags.json ? `${JSON.stringify(event)}\n` : `${eventLine(event, terminal, { session: true })}\n`,
            );
          }
          await new Promise((resolve) => setTimeout(resolve, FOLLOW_INTERVAL_MS));
          await store.importDirectory(directory);
          // Clocks of several processes differ a little, and an event may be stored late.
          next = { ...query, tail: 1000 };
        }
        return false;
      });
    });

  withSharedOptions(withQueryFlags(sessions.command("stats")))
    .description("How many events by session, role, level and day.")
    .addHelpText("after", "\nExample:\n  $ codex sessions stats --since 2026-11-01")
    .action(async (flags: QueryFlags) => {
      await using source = await openSource(flags);
      const events = await source.query(await toQuery(flags));
      const counts = (key: (event: SessionEvent) => string) => {
        const by: Record<string, number> = {};
        for (const event of events) by[key(event)] = (by[key(event)] ?? 0) + 1;
        return by;
      };
      const statistics = {
        events: events.length,
        sessions: new Set(events.map((event) => event.session_id)).size,
        byRole: counts((event) => event.role),
        byLevel: counts((event) => event.level),
        byDay: counts((event) => event.timestamp.slice(0, 10)),
      };
      if (flags.json) return void terminal.out.write(`${JSON.stringify(statistics)}\n`);
      const rows = (name: string, by: Record<string, number>) =>
        Object.entries(by).map(([key, count]) => [name, key, String(count)]);
      terminal.out.write(
        `${table([
          ["events", "", String(statistics.events)],
          ["sessions", "", String(statistics.sessions)],
          ...rows("role", statistics.byRole),
          ...rows("level", statistics.byLevel),
          ...rows("day", statistics.byDay),
        ])}\n`,
      );
    });
}

function writeEvents(
  terminal: Terminal,
  events: readonly SessionEvent[],
  { json, session }: { readonly json: boolean; readonly session: boolean },
): void {
  if (json) terminal.out.write(`${JSON.stringify(events)}\n`);
  else if (events.length === 0) terminal.out.write("(no events)\n");
  else terminal.out.write(`${events.map((event) => eventLine(event, terminal, { session })).join("\n")}\n`);
}
