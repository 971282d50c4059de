import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { table, warningsTo } from "../terminal.ts";
import { addRunRecordCommands } from "./runs-records.ts";
import { addReplayCommand } from "./runs-replay.ts";
import { type SharedOptions, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface RunsFlags extends SharedOptions {
  readonly root: string;
  readonly limit?: number;
}

export function addRunsCommand(program: Command, context: CommandContext): void {
  const runs = program.command("runs").description("The runs on this machine.");

  withSharedOptions(runs.command("list"))
    .description("List the runs below a folder, newest first.")
    .option("--root <dir>", "folder of the run directories", "runs")
    .option("--limit <n>", "only the newest n", wholeNumber("--limit", 1))
    .addHelpText("after", "\nExample:\n  $ codex runs list --limit 10")
    .action(async (flags: RunsFlags) => {
      const { listRuns } = await import("@codex/pipeline");
      const list = await listRuns(flags.root, {
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        onNotice: warningsTo(context.terminal),
      });
      if (flags.json) {
        context.terminal.out.write(`${JSON.stringify(list)}\n`);
        return;
      }
      const rows = list.map((run) => [
        run.runId,
        run.status,
        `step ${run.step ?? "-"}`,
        run.validationLossNats?.toFixed(4) ?? "-",
        run.createdAt,
      ]);
      context.terminal.out.write(
        rows.length === 0
          ? `no runs in ${flags.root}\n`
          : `${table([["run", "status", "step", "validation loss", "created"], ...rows])}\n`,
      );
    });

  addReplayCommand(runs, context);

  withSharedOptions(runs.command("show"))
    .description("Show one run.")
    .argument("<run>", "a run id below --root, or a run directory")
    .option("--root <dir>", "folder of the run directories", "runs")
    .addHelpText("after", "\nExample:\n  $ codex runs show <run-id>")
    .action(async (run: string, flags: RunsFlags) => {
      const { showRun } = await import("@codex/pipeline");
      const shown = await showRun(run, flags.root);
      const text = table(
        Object.entries(shown).map(([key, value]) => [
          key,
          typeof value === "object" ? JSON.stringify(value) : String(value),
        ]),
      );
      context.terminal.out.write(`${flags.json ? JSON.stringify(shown) : text}\n`);
    });

  addRunRecordCommands(runs, context);
}
