import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Command, Option } from "commander";
import type { CommandContext } from "../program.ts";
import type { SourceFlags } from "../sessions/open-source.ts";
import { withSourceFlags } from "../sessions/query-flags.ts";
import { type SharedOptions, UsageError, wholeNumber, withSharedOptions } from "./shared-options.ts";

const SCRIPTS = { bash: "codex-session.sh", zsh: "codex-session.sh", powershell: "codex-session.ps1" } as const;

interface RecordFlags extends SourceFlags, SharedOptions {
  readonly sessionId?: string;
  readonly exitCode: number;
}

export function addSessionShellCommands(sessions: Command, { terminal }: CommandContext): void {
  const targetOf = ({ db, directory }: SourceFlags) => ({
    ...(db === undefined ? {} : { database: db }),
    ...(directory === undefined ? {} : { directory }),
  });

  withSharedOptions(sessions.command("shell"))
    .description("Print the functions codex_session_start and codex_session_end for a shell.")
    .argument("<shell>", Object.keys(SCRIPTS).join(", "))
    .addHelpText(
      "after",
      '\nExample:\n  $ codex sessions shell bash\n\nIn a script:\n  eval "$(codex sessions shell bash)"\n  codex_session_start "$@"',
    )
    .action((shell: string, flags: SharedOptions) => {
      const name = (SCRIPTS as Record<string, string | undefined>)[shell];
      if (name === undefined) {
        throw new UsageError(
          `sessions shell: expected ${Object.keys(SCRIPTS).join(", ")}, got "${shell.slice(0, 40)}"`,
        );
      }
      const script = readFileSync(createRequire(import.meta.url).resolve(`@codex/logging/shell/${name}`), "utf8");
      terminal.out.write(flags.json ? `${JSON.stringify({ shell, script })}\n` : script);
    });

  withSharedOptions(withSourceFlags(sessions.command("start")))
    .description("Write the start record of a session, for a shell; prints its id.")
    .argument("[argv...]", "what was started, after --; kept without secrets")
    .option("--session-id <id>", "default: CODEX_SESSION_ID, else a new one")
    .addHelpText("after", "\nExample:\n  $ codex sessions start -- ./nightly.sh --fast")
    .action(async (argv: string[], flags: RecordFlags) => {
      const { closeSessions, getSessionId, recordSessionStart } = await import("@codex/logging/sessions");
      const sessionId = flags.sessionId ?? getSessionId();
      await recordSessionStart(sessionId, argv, targetOf(flags));
      await closeSessions();
      terminal.out.write(flags.json ? `${JSON.stringify({ sessionId })}\n` : `${sessionId}\n`);
    });

  withSharedOptions(withSourceFlags(sessions.command("end")))
    .description("Write the end record of a session, for a shell.")
    .addOption(new Option("--session-id <id>", "default: CODEX_SESSION_ID"))
    .option("--exit-code <n>", "how it ended", wholeNumber("--exit-code"), 0)
    .addHelpText("after", "\nExample:\n  $ codex sessions end --exit-code 1")
    .action(async (flags: RecordFlags) => {
      const { closeSessions, getSessionId, recordSessionEnd } = await import("@codex/logging/sessions");
      const sessionId = flags.sessionId ?? getSessionId();
      await recordSessionEnd(sessionId, flags.exitCode, targetOf(flags));
      await closeSessions();
      if (flags.json) terminal.out.write(`${JSON.stringify({ sessionId, exitCode: flags.exitCode })}\n`);
    });
}
