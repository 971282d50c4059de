import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { type SharedOptions, UsageError, withSharedOptions } from "./shared-options.ts";

interface UiFlags extends SharedOptions {
  readonly root: string;
  readonly sessions?: string;
  readonly port?: number;
  readonly open?: boolean;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`--port: expected a number from 0 (any that is free) to 65535, got "${text}"`);
}

export function addUiCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("ui"))
    .description("Show the runs on a local page: curves, comparison, configurations, samples, checkpoints, sessions.")
    .option("--root <dir>", "folder of the run directories, or one of them", "runs")
    .option("--sessions <dir>", "folder of session transcripts (default: CODEX_SESSION_LOG_DIR, then .codex/sessions)")
    .option("--port <n>", "port on 127.0.0.1 (default: 6116, or any that is free)", portNumber)
    .option("--open", "open it in the browser")
    .addHelpText("after", "\nExamples:\n  $ codex ui --open\n  $ codex ui --root runs/<run-id> --port 8080")
    .action(async (flags: UiFlags) => {
      const { openBrowser, startUi } = await import("@codex/ui");
      const { out, err } = context.terminal;
      await using ui = await startUi({
        root: flags.root,
        ...(flags.sessions === undefined ? {} : { sessions: flags.sessions }),
        ...(flags.port === undefined ? {} : { port: flags.port }),
      });
      out.write(flags.json ? `${JSON.stringify({ url: ui.url, port: ui.port })}\n` : `${ui.url}\n`);
      if (!flags.json) err.write("The page reads and never writes. Ctrl-C ends it.\n");
      if (flags.open) openBrowser(ui.url);
      await stopSignal();
    });
}

/**
 * Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. A page that its user closes has done what it was started for,
 * so that this is success, unlike work that is cut short.
 */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      resolve();
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}
