import { type Command, Option } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import type { CommandContext } from "../program.ts";
import { openStore, type SourceFlags } from "../sessions/open-source.ts";
import { withSourceFlags } from "../sessions/query-flags.ts";
import { paint, shown } from "../terminal.ts";
import { decimal, type SharedOptions, UsageError, withSharedOptions } from "./shared-options.ts";

interface ImportFlags extends SourceFlags, SharedOptions {
  readonly session?: string[];
  readonly all?: boolean;
}

interface PurgeFlags extends SourceFlags, SharedOptions {
  readonly days: number;
  readonly dryRun?: boolean;
  readonly archive: string | boolean;
}

export function addSessionStoreCommands(sessions: Command, context: CommandContext): void {
  const { terminal } = context;

  withSharedOptions(withSourceFlags(sessions.command("import")))
    .description("Read session files into the database; what is in it already is not added again.")
    .argument("[files...]", "session files; their names are the session ids")
    .option("--session <id>", "this session of the folder (repeatable)", (id: string, before?: string[]) => [
      ...(before ?? []),
      id,
    ])
    .option("--all", "every session of the folder")
    .addHelpText(
      "after",
      "\nLines that are no events are told by number; exit code 3 if there are any.\n\nExample:\n  $ codex sessions import --all",
    )
    .action(async (files: string[], flags: ImportFlags) => {
      if (files.length === 0 && !flags.all && flags.session === undefined) {
        throw new UsageError("sessions import: expected files, --session or --all, got none");
      }
      const { openSessionStore, sessionDatabasePath, sessionDirectory, sessionFile } = await import(
        "@codex/logging/sessions"
      );
      const directory = flags.directory ?? sessionDirectory();
      await using store = await openSessionStore({ database: flags.db ?? sessionDatabasePath(), directory: false });
      const paths = [...files, ...(flags.session ?? []).map((id) => sessionFile(directory, id))];
      const imported = flags.all ? await store.importDirectory(directory) : [];
      for (const path of paths) imported.push(await store.importFile(path));
      const malformed = imported.flatMap((file) => file.malformed);
      if (malformed.length > 0) context.exitCode = EXIT_CODES.data;
      if (flags.json) return void terminal.out.write(`${JSON.stringify(imported)}\n`);
      for (const { path, added, reread, malformed: lines } of imported) {
        terminal.out.write(
          `${shown(path)}: ${added} events added${reread ? ", read anew: the file was rewritten" : ""}\n`,
        );
        for (const { line, reason } of lines)
          terminal.out.write(`${paint(terminal, 31, `${shown(path)}:${line}`)}: ${reason}\n`);
      }
      if (imported.length === 0) terminal.out.write("nothing new\n");
    });

  withSharedOptions(withSourceFlags(sessions.command("rebuild")))
    .description("Make the database anew from the session files.")
    .addHelpText("after", "\nExample:\n  $ codex sessions rebuild")
    .action(async (flags: SourceFlags & SharedOptions) => {
      const { sessionDirectory } = await import("@codex/logging/sessions");
      await using store = await openStore(flags);
      const files = await store.rebuild(flags.directory ?? sessionDirectory());
      const events = files.reduce((sum, { added }) => sum + added, 0);
      const report = { database: store.path, files: files.length, events };
      terminal.out.write(
        flags.json
          ? `${JSON.stringify(report)}\n`
          : `${shown(store.path)}: ${events} events of ${files.length} files\n`,
      );
    });

  withSharedOptions(withSourceFlags(sessions.command("purge")))
    .description("Forget old sessions, files and rows, after copying the database to an archive.")
    .option("--days <n>", "those whose last event is older", decimal("--days", 0), 30)
    .option("--dry-run", "only tell which")
    .option("--archive <dir>", "folder of the copies", ".codex/archives")
    .option("--no-archive", "keep no copy")
    .addHelpText("after", "\nExample:\n  $ codex sessions purge --days 90 --dry-run")
    .action(async (flags: PurgeFlags) => {
      const { purgeSessions } = await import("@codex/logging/session-tools");
      await using store = await openStore(flags);
      const purged = await purgeSessions(store, {
        days: flags.days,
        dryRun: flags.dryRun === true,
        archiveDirectory: typeof flags.archive === "string" ? flags.archive : false,
      });
      if (flags.json) return void terminal.out.write(`${JSON.stringify(purged)}\n`);
      for (const { sessionId, events, lastAt } of purged.sessions)
        terminal.out.write(`${sessionId}  ${events} events, last ${lastAt}\n`);
      for (const id of purged.kept) terminal.out.write(`${id} stays: it has new events\n`);
      const count = `${purged.sessions.length} sessions`;
      terminal.out.write(
        flags.dryRun
          ? `${count} would go\n`
          : `${count} and ${purged.rows} rows removed${purged.archive === undefined ? "" : `; all of it is in ${shown(purged.archive)}`}\n`,
      );
    });

  withSharedOptions(withSourceFlags(sessions.command("snapshot")))
    .description("Copy the database into a file that never changes and needs no other beside it.")
    .requiredOption("-o, --output <file>", "file to write")
    .addHelpText("after", "\nExample:\n  $ codex sessions snapshot --output sessions-2026-11.db")
    .action(async (flags: SourceFlags & SharedOptions & { readonly output: string }) => {
      const { writeSessionSnapshot } = await import("@codex/logging/session-tools");
      await using store = await openStore(flags);
      await writeSessionSnapshot(store, flags.output);
      terminal.out.write(
        flags.json ? `${JSON.stringify({ output: flags.output })}\n` : `written to ${shown(flags.output)}\n`,
      );
    });

  withSharedOptions(withSourceFlags(sessions.command("init-sample")))
    .description("Log a small session, to try the other commands on.")
    .addOption(new Option("--session-id <id>", "its name").default("sample"))
    .addHelpText("after", "\nExample:\n  $ codex sessions init-sample && codex sessions view sample")
    .action(async (flags: SourceFlags & SharedOptions & { readonly sessionId: string }) => {
      const { withSession } = await import("@codex/logging/sessions");
      const { sessionId } = flags;
      await withSession(
        async (session) => {
          await session.logEvent("user", "How many tokens are in the corpus?");
          await session.logEvent("tool", "tokenizer stats: 1,003,854 tokens", { metadata: { tool: "tokenizer" } });
          await session.logEvent("assistant", "About a million.");
        },
        {
          sessionId,
          argv: ["init-sample"],
          ...(flags.db === undefined ? {} : { database: flags.db }),
          ...(flags.directory === undefined ? {} : { directory: flags.directory }),
        },
      );
      terminal.out.write(
        flags.json ? `${JSON.stringify({ sessionId })}\n` : `session ${sessionId}: codex sessions view ${sessionId}\n`,
      );
    });
}
