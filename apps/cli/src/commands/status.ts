import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { shown, table } from "../terminal.ts";
import { trackerLines } from "../tracker-lines.ts";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

interface StatusFlags extends SharedOptions {
  readonly root: string;
}

export function addStatusCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("status"))
    .description(
      "Show how a run is, and for each tracker whether it is on, where its data goes, and what it has not got yet.",
    )
    .argument("[run]", "a run id below --root, or a run directory; the newest run if none is named")
    .option("--root <dir>", "folder of the run directories", "runs")
    .addHelpText("after", "\nExamples:\n  $ codex status\n  $ codex status <run-id>")
    .action(async (run: string | undefined, flags: StatusFlags) => {
      const { runStatus } = await import("@codex/pipeline");
      const status = await runStatus({ runsDirectory: flags.root, ...(run === undefined ? {} : { run }) });
      const { out } = context.terminal;
      if (flags.json) {
        out.write(`${JSON.stringify(status)}\n`);
        return;
      }
      const loss = status.metrics.find(({ split, metric }) => split === "validation" && metric === "loss");
      const rows = [
        ["run", status.runId],
        ["directory", shown(status.directory)],
        ["status", status.status],
        ["step", String(status.step ?? "-")],
        ["created", status.createdAt],
        ...(loss === undefined ? [] : [["loss", `${loss.value.toFixed(4)} (validation, step ${loss.step})`]]),
      ];
      const trackers = trackerLines(status.trackers).map((line) => ["tracker", shown(line)]);
      out.write(`${table([...rows, ...trackers])}\n`);
    });
}
