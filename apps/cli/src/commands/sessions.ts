import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { addSessionReadCommands } from "./sessions-read.ts";
import { addSessionShellCommands } from "./sessions-shell.ts";
import { addSessionStoreCommands } from "./sessions-store.ts";

export function addSessionsCommand(program: Command, context: CommandContext): void {
  const sessions = program
    .command("sessions")
    .description("What scripts, agents and services logged: look, search, import, keep.");
  sessions.addHelpText(
    "after",
    "\nExit codes: 0 done, 2 usage (a time, role or query that is none), 3 no sessions, or a database that is none, 4 disk.",
  );
  addSessionReadCommands(sessions, context);
  addSessionStoreCommands(sessions, context);
  addSessionShellCommands(sessions, context);
}
