import type { Command } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import type { CommandContext } from "../program.ts";
import { shown, warningsTo } from "../terminal.ts";
import { type SharedOptions, UsageError, withSharedOptions } from "./shared-options.ts";

interface ReplayFlags extends SharedOptions {
  readonly to: string;
  readonly root: string;
  readonly restart?: boolean;
  readonly trackingUri?: string;
  readonly allowRemote?: boolean;
}

/** A written-out option after them wins. */
function mlflowOverrides({ to, trackingUri, allowRemote }: ReplayFlags): string[] {
  if (trackingUri === undefined) {
    if (allowRemote) throw new UsageError("--allow-remote: expected --tracking-uri with it");
    return [];
  }
  if (to !== "mlflow") throw new UsageError(`--tracking-uri: expected --to mlflow with it, got --to ${to}`);
  return [`uri=${JSON.stringify(trackingUri)}`, ...(allowRemote ? ["allowRemote=true"] : [])];
}

export function addReplayCommand(runs: Command, context: CommandContext): void {
  withSharedOptions(runs.command("replay"))
    .description("Send to a tracker what it has not got of a run: all of it, or what it missed while the run went on.")
    .argument("<run>", "a run id below --root, or a run directory")
    .argument("[options...]", "options of the tracker: key=value")
    .requiredOption("--to <tracker>", "name of the tracker")
    .option("--root <dir>", "folder of the run directories", "runs")
    .option("--tracking-uri <uri>", "an MLflow server, or a folder, for --to mlflow")
    .option("--allow-remote", "--tracking-uri may be on another machine")
    .option("--restart", "send everything again, also what was sent before")
    .addHelpText(
      "after",
      "\nExample:\n  $ codex runs replay <run-id> --to tensorboard\n  $ codex runs replay <run-id> --to mlflow --tracking-uri http://127.0.0.1:5000",
    )
    .action(async (run: string, options: string[], flags: ReplayFlags) => {
      const { replayRun } = await import("@codex/pipeline");
      const warn = warningsTo(context.terminal);
      const result = await replayRun({
        run,
        to: flags.to,
        options: [...mlflowOverrides(flags), ...options],
        restart: flags.restart === true,
        runsDirectory: flags.root,
        onEvent: (event) => event.type === "notice" && warn(event.message),
      });
      if (!result.complete) context.exitCode = EXIT_CODES.resources;
      const text = result.complete
        ? `${result.tracker} has all of ${result.runId}: ${shown(result.destination)}`
        : `${result.tracker} lacks ${result.left} records of ${result.runId}`;
      context.terminal.out.write(`${flags.json ? JSON.stringify(result) : text}\n`);
    });
}
